// Workers that die, and what the parent sees of it (spec sections 1.8 and 7.3). The test is the parent of Triton 24.10.
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <cstdlib>
#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "stub/ipc/answer.h"
#include "stub/ipc/call.h"
#include "stub/ipc/startup_reply.h"
#include "stub/shm/sync.h"
#include "stub/supervision/death.h"
#include "stub/supervision/supervisor.h"
#include "tests/stub/parent_side.h"

using namespace mlflow_triton::stub;

namespace {

/// A worker as the real one, but for the model: `serve` does what the model would.
int Work(Link &link, const Assignment &assignment, const std::function<void(Link &, Handle)> &serve) {
  JournalPage &page = link.journal().page();
  if (!assignment.again) {
    ReplyInitialize(link, &page.replied);
  }
  Handle message = assignment.backlog;
  page.phase.store(Phase::kServing);
  while (true) {
    message = message != kNoHandle ? message : link.from_parent().Pop();
    const Handle current = std::exchange(message, kNoHandle);
    if (current == kNoHandle) {
      continue;
    }
    if (link.protocol().CommandOf(link.region().As<IpcMessage>(current)->command) == Command::kFinalizeRequest) {
      page.phase.store(Phase::kFinalized);
      link.to_parent().Push(current, {&page.answered});
      return 0;
    }
    serve(link, current);
  }
}

/// Answers without an error.
void AnswerWell(Link &link) {
  ChunkSet chunks(link.region());
  Handle message = kNoHandle;
  {
    Region::Lock lock(link.region());
    message = AllocateAnswer(link, chunks, lock, 0).message;
  }
  link.to_parent().Push(message, {&link.journal().page().answered});
  link.from_parent().Pop();
}

struct Fixture {
  ParentSide parent{1 << 20, 16};
  std::unique_ptr<Region> region = Region::Open(parent.name(), ParentSide::kStep, parent.control());
  MessageQueue to_stub{*region, parent.At<IpcControl>(parent.control())->stub_message_queue};
  MessageQueue from_stub{*region, parent.At<IpcControl>(parent.control())->parent_message_queue};
  MessageQueue helpers{*region, parent.At<IpcControl>(parent.control())->stub_to_parent_mq};
  const Protocol &protocol = ProtocolOf(Revision::kR8);
  pid_t stub = 0;

  Fixture() { setenv("MLFLOW_TRITON_STUB_PARENT_RELEASE", "24.10", 1); }
  ~Fixture() {
    if (stub != 0) {
      kill(stub, SIGKILL);
      waitpid(stub, nullptr, 0);
    }
  }

  void Start(const Supervisor::Work &work) {
    const pid_t own = getpid();
    stub = fork();
    if (stub == 0) {
      std::signal(SIGABRT, SIG_DFL); // else the test framework handles it
      LaunchArguments arguments;
      arguments.region_name = parent.name();
      arguments.growth_step = ParentSide::kStep;
      arguments.parent = own;
      arguments.control = parent.control();
      arguments.name = "m_0_0";
      _exit(Supervisor(arguments, "24.10", work).Run());
    }
    BOOST_REQUIRE(from_stub.PopFor(5000).has_value()); // hello
  }

  Handle Message(Command command, Handle args) {
    const Handle message = parent.Allocate(sizeof(IpcMessage));
    *parent.At<IpcMessage>(message) = IpcMessage{};
    parent.At<IpcMessage>(message)->command = protocol.Number(command);
    parent.At<IpcMessage>(message)->args = args;
    return message;
  }

  /// Asks for an initialize; the error in the reply.
  std::string Initialize() {
    const Handle dictionary = parent.Allocate(sizeof(DictShm));
    *parent.At<DictShm>(dictionary) = DictShm{0, 0, parent.Allocate(8)};
    to_stub.Push(Message(Command::kInitializeRequest, dictionary));
    const auto reply = from_stub.PopFor(5000);
    BOOST_REQUIRE(reply.has_value());
    const auto *fields = region->As<InitializeResponseShm>(region->As<IpcMessage>(*reply)->args);
    const std::string error = fields->has_error != 0 ? ReadText(*region, fields->error) : "";
    to_stub.Push(kNoHandle);
    return error;
  }

  /// Asks for an execution of one request that has a response factory.
  void Ask() {
    const RequestLayout &layout = protocol.request;
    const Handle request = parent.Allocate(static_cast<std::size_t>(layout.size));
    std::memset(parent.At<char>(request), 0, static_cast<std::size_t>(layout.size));
    StoreAt<std::uint64_t>(parent.At<char>(request) + layout.address, 0x1000);
    StoreAt<std::uint64_t>(parent.At<char>(request) + layout.response_factory_address, 0x2000);
    const Handle batch = parent.Allocate(sizeof(RequestBatchShm) + sizeof(Handle));
    *parent.At<RequestBatchShm>(batch) = RequestBatchShm{1, 0, kNoHandle};
    StoreAt(parent.At<char>(batch) + sizeof(RequestBatchShm), request);
    to_stub.Push(Message(Command::kExecuteRequest, batch));
  }

  struct Answer {
    std::string error;
    bool factories_gone;
  };
  Answer AwaitAnswer(int milliseconds = 5000) {
    const auto message = from_stub.PopFor(milliseconds);
    BOOST_REQUIRE(message.has_value());
    const char *batch = region->Payload(*message, 48 + 120) + 48;
    Answer answer{};
    if (LoadAt<std::uint8_t>(batch + protocol.batch.has_error) != 0) {
      answer.error = ReadText(*region, LoadAt<Handle>(batch + protocol.batch.error));
      answer.factories_gone = LoadAt<std::uint8_t>(batch + protocol.batch.is_response_factory_deleted) != 0;
    }
    to_stub.Push(kNoHandle);
    return answer;
  }

  /// Serves one helper message as the parent does; its command. The flag is acknowledged by the stub.
  Command ServeHelper() {
    const auto message = helpers.PopFor(5000);
    BOOST_REQUIRE(message.has_value());
    const IpcMessage fields = *region->As<IpcMessage>(*message);
    ChunkSet loaded(*region); // the other side may drop its references as soon as it has what it wants
    {
      Region::Lock lock(*region);
      for (const Handle handle : {*message, fields.args, fields.response_mutex, fields.response_cond}) {
        if (handle != kNoHandle) {
          loaded.Load(lock, handle);
        }
      }
    }
    auto *head = region->As<LockedHead>(fields.args);
    const bool is_inline = fields.inline_response != 0;
    SharedLock lock(is_inline ? region->As<pthread_mutex_t>(fields.response_mutex) : &head->mutex);
    auto *condition = is_inline ? region->As<pthread_cond_t>(fields.response_cond) : &head->condition;
    head->flag = 1;
    pthread_cond_broadcast(condition);
    if (!is_inline) {
      lock.Wait(condition, [head] { return head->flag == 0; });
    }
    return *protocol.CommandOf(fields.command);
  }

  int End() {
    to_stub.Push(Message(Command::kFinalizeRequest, kNoHandle));
    BOOST_REQUIRE(from_stub.PopFor(5000).has_value());
    int status = -1;
    BOOST_TEST(waitpid(stub, &status, 0) == stub);
    stub = 0;
    return status;
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(deaths_have_words) {
  BOOST_TEST(DeathText(SIGSEGV) == "was killed by signal 11 (Segmentation fault)");
  BOOST_TEST(DeathText(3 << 8) == "ended with exit status 3");
}

BOOST_FIXTURE_TEST_CASE(a_worker_serves_and_ends, Fixture) {
  Start([](Link &link, const Assignment &assignment) {
    return Work(link, assignment, [](Link &own, Handle) { AnswerWell(own); });
  });
  BOOST_TEST(Initialize() == "");
  for (int count = 0; count < 3; ++count) {
    Ask();
    BOOST_TEST(AwaitAnswer().error == "");
  }
  BOOST_TEST(End() == 0);
}

BOOST_FIXTURE_TEST_CASE(a_death_in_initialize_is_told, Fixture) {
  Start([](Link &, const Assignment &) -> int { abort(); });
  BOOST_TEST(Initialize() == "The model's process was killed by signal 6 (Aborted) while it initialized the model.");
  int status = -1;
  waitpid(stub, &status, 0);
  stub = 0;
  BOOST_TEST(WEXITSTATUS(status) == 1);
}

BOOST_FIXTURE_TEST_CASE(a_death_in_execute_is_answered_and_another_worker_serves, Fixture) {
  Start([](Link &link, const Assignment &assignment) {
    return Work(link, assignment, [&](Link &own, Handle) {
      if (!assignment.again) {
        _exit(7);
      }
      AnswerWell(own);
    });
  });
  BOOST_TEST(Initialize() == "");
  const std::uint64_t free = region->FreeBytes();
  Ask();
  const Answer answer = AwaitAnswer();
  BOOST_TEST(answer.error == "Failed to process the request(s) for model 'm_0_0', message: The model's process ended "
                             "with exit status 7. It is being started again.");
  BOOST_TEST(!answer.factories_gone);
  BOOST_TEST((ServeHelper() == Command::kLogRequest));
  Ask();
  BOOST_TEST(AwaitAnswer().error == "");
  BOOST_TEST(End() == 0);
  BOOST_TEST(free - region->FreeBytes() < 2000u); // what this test allocated as the parent
}

BOOST_FIXTURE_TEST_CASE(a_death_between_requests_costs_none, Fixture) {
  Start([](Link &link, const Assignment &assignment) {
    return Work(link, assignment, [&](Link &own, Handle) {
      AnswerWell(own);
      if (!assignment.again) {
        raise(SIGKILL);
      }
    });
  });
  BOOST_TEST(Initialize() == "");
  for (int count = 0; count < 3; ++count) {
    Ask();
    BOOST_TEST(AwaitAnswer().error == "");
  }
}

BOOST_FIXTURE_TEST_CASE(factories_that_the_model_had_used_up_are_not_deleted_again, Fixture) {
  Start([](Link &link, const Assignment &assignment) {
    return Work(link, assignment, [](Link &own, Handle) {
      OpenRequest *entry = own.journal().AddRequest(0x1000, 0x2000);
      entry->final_sent.store(1);
      own.journal().page().batch_known.store(1);
      abort();
    });
  });
  BOOST_TEST(Initialize() == "");
  Ask();
  BOOST_TEST(AwaitAnswer().factories_gone);
}

BOOST_FIXTURE_TEST_CASE(a_request_that_was_still_open_gets_an_error, Fixture) {
  Start([](Link &link, const Assignment &assignment) {
    return Work(link, assignment, [&](Link &own, Handle) {
      own.journal().AddRequest(0x3000, 0x4000); // of an earlier request, whose sender a thread has
      AnswerWell(own);
      abort();
    });
  });
  BOOST_TEST(Initialize() == "");
  Ask();
  BOOST_TEST(AwaitAnswer().error == "");
  std::set<Command> seen{ServeHelper(), ServeHelper()};
  BOOST_TEST((seen == std::set<Command>{Command::kLogRequest, Command::kResponseSend}));
}

BOOST_FIXTURE_TEST_CASE(a_handshake_under_way_is_ended, Fixture) {
  Start([](Link &link, const Assignment &assignment) {
    return Work(link, assignment, [&](Link &own, Handle) {
      std::thread([&own] {
        ChunkSet chunks(own.region());
        Handle payload = kNoHandle;
        {
          Region::Lock lock(own.region());
          payload = chunks.Allocate(lock, sizeof(LogShm));
        }
        CallWithOwnLock(own, chunks, Command::kLogRequest, payload, [](char *) {});
      }).detach();
      usleep(100000); // the thread waits for its answer by now
      abort();
    });
  });
  BOOST_TEST(Initialize() == "");
  Ask();
  BOOST_TEST(AwaitAnswer().error != "");
  BOOST_TEST((ServeHelper() == Command::kLogRequest)); // which the dead one had sent: somebody must acknowledge it
  BOOST_TEST((ServeHelper() == Command::kLogRequest));
}

BOOST_FIXTURE_TEST_CASE(a_model_that_cannot_be_started_again_answers_with_the_reason, Fixture) {
  Start([](Link &link, const Assignment &assignment) {
    if (assignment.again) {
      link.journal().SetFailure("no disk left");
      return 1;
    }
    return Work(link, assignment, [](Link &, Handle) { abort(); });
  });
  BOOST_TEST(Initialize() == "");
  Ask();
  BOOST_TEST(AwaitAnswer().error.find("signal 6") != std::string::npos);
  Ask();
  const std::string error = AwaitAnswer().error;
  BOOST_TEST(error.find("ended with exit status 1 when it was started again: no disk left") != std::string::npos);
  BOOST_TEST(error.find("The next attempt to start it is made within 1 s.") != std::string::npos);
  BOOST_TEST(End() == 0);
}

BOOST_FIXTURE_TEST_CASE(a_command_that_waits_for_a_worker_that_never_comes_is_answered, Fixture) {
  Start([](Link &link, const Assignment &assignment) -> int {
    if (assignment.again) {
      usleep(200000); // a request comes meanwhile
      abort();
    }
    return Work(link, assignment, [](Link &, Handle) { abort(); });
  });
  BOOST_TEST(Initialize() == "");
  for (int count = 0; count < 3; ++count) {
    Ask();
    BOOST_TEST(AwaitAnswer().error.find("signal 6") != std::string::npos);
  }
  BOOST_TEST(End() == 0);
}
