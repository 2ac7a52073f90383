#include "stub/engine/stub.h"

#include <unistd.h>

#include "stub/engine/receiver.h"
#include "stub/error.h"
#include "stub/ipc/startup_reply.h"
#include "stub/python/exception_text.h"
#include "stub/python/libpython.h"
#include "stub/python/metrics.h"
#include "stub/python/runtime.h"
#include "stub/python/stream.h"

namespace mlflow_triton::stub {
namespace {

constexpr int kMillisecondsForDebts = 5000;

/// What an earlier worker owed goes through the parent's pool, which ends with the reply to FinalizeRequest.
void WaitForDebts(Link &link) {
  for (int waited = 0; waited < kMillisecondsForDebts && link.journal().page().debts_open.load() != 0; ++waited) {
    usleep(1000);
  }
}

} // namespace

Stub::Stub(const LaunchArguments &arguments, std::string release, Link &link, const Assignment &assignment)
    : release_(std::move(release)), link_(link), assignment_(assignment), outbox_(link_),
      context_{link_, outbox_, arguments.name, arguments.model_path}, model_(arguments) {
  SetContext(&context_);
}

std::string Stub::Prepare() {
  const Compatibility &parent = assignment_.parent;
  if (!assignment_.error.empty()) {
    return assignment_.error;
  }
  if (!parent.warning.empty() && !assignment_.again) {
    outbox_.Log({LogLevel::kWarning, __FILE__, __LINE__, parent.warning});
  }
  try {
    LoadLibpython(); // from the environment's folder, which the next step takes off the search path
    if (link_.uses_env() && !StripLibraryPath()) {
      return "LD_LIBRARY_PATH has no entry of the execution environment to remove.";
    }
    StartPython(ReleaseHonoursPythonVariables(release_));
    python_runs_ = true;
  } catch (const StubError &error) {
    return error.what();
  }
  return {};
}

Handle Stub::PopWithoutGil() {
  if (!python_runs_) {
    return link_.from_parent().Pop();
  }
  py::gil_scoped_release without_gil;
  return link_.from_parent().Pop();
}

int Stub::Run() {
  startup_error_ = Prepare();
  ChunkReference::ThisThreadReleasesLater();
  Next next = Begin();
  if (failed_) {
    return 1; // still starting, for the supervisor
  }
  JournalPage &page = link_.journal().page();
  Handle message = assignment_.backlog;
  page.phase.store(Phase::kServing);
  while (next == Next::kGoOn) {
    message = message != kNoHandle ? message : PopWithoutGil();
    const Handle current = std::exchange(message, kNoHandle);
    if (current == kNoHandle) {
      if (executor_) {
        executor_->Released();
      }
      continue;
    }
    if (!link_.region().IsPlausible(current)) {
      outbox_.Log({LogLevel::kWarning, __FILE__, __LINE__, "Ignoring a command at an implausible address."});
      continue;
    }
    const auto number = link_.region().As<IpcMessage>(current)->command;
    if (link_.protocol().CommandOf(number) == Command::kExecuteRequest && executor_) {
      message = executor_->Execute(current);
    } else {
      next = Serve(current);
    }
  }
  page.phase.store(Phase::kEnded);
  return 0;
}

Stub::Next Stub::Begin() {
  return assignment_.command == Command::kAutoCompleteRequest ? AutoComplete() : Initialize();
}

Stub::Next Stub::Serve(Handle message) {
  const auto command = link_.protocol().CommandOf(link_.region().As<IpcMessage>(message)->command);
  if (!command) {
    return Next::kGoOn;
  }
  switch (*command) {
  case Command::kFinalizeRequest:
    return Finalize(message);
  case Command::kLoadGpuBuffers:
    if (executor_) {
      executor_->LoadGpuBuffers(message);
    }
    // Whatever came of it, the parent waits for the answer (spec section 5.8). No 0 follows it.
    link_.to_parent().Push(kNoHandle, {&link_.journal().page().answered});
    link_.journal().page().command.store(kNoHandle);
    return Next::kGoOn;
  default:
    return Next::kGoOn; // unknown commands are ignored (spec section 4.2)
  }
}

std::string Stub::Guard(const std::function<void()> &action) {
  if (!startup_error_.empty()) {
    return startup_error_;
  }
  try {
    action();
    return {};
  } catch (const py::error_already_set &error) {
    return ExceptionText(error);
  } catch (const std::exception &error) {
    return error.what();
  }
}

Stub::Next Stub::AutoComplete() {
  std::string completed;
  const std::string error = Guard([&] {
    model_.Import();
    completed = model_.AutoComplete(assignment_.config);
  });
  failed_ = !error.empty();
  if (failed_) {
    link_.journal().SetFailure(error); // which the supervisor tells
    return Next::kEnd;
  }
  ReplyAutoComplete(link_, completed, &link_.journal().page().replied);
  return Next::kGoOn;
}

Stub::Next Stub::Initialize() {
  const std::string error = Guard([&] {
    model_.Import();
    model_.Create();
    link_.set_helpers_allowed(true);
    outbox_.Start();
    StartReceiver(context_, [this] { return AskReadiness(); });
    model_.Initialize(assignment_.args);
    if (link_.protocol().Number(Command::kUserModelReadinessRequest) != kNoCommand) {
      link_.control()->stub_has_user_model_readiness_fn = model_.TellsReadiness() ? 1 : 0;
    }
    executor_ = std::make_unique<Executor>(context_, model_, loop_);
  });
  failed_ = !error.empty();
  initialized_ = !failed_;
  {
    std::unique_ptr<py::gil_scoped_release> without_gil;
    if (python_runs_) {
      without_gil = std::make_unique<py::gil_scoped_release>();
    }
    if (failed_) {
      outbox_.Stop();
      link_.journal().SetFailure(error); // which the supervisor tells
    } else if (!assignment_.again) {
      ReplyInitialize(link_, &link_.journal().page().replied);
    }
  }
  link_.set_pool_available(initialized_);
  return failed_ ? Next::kEnd : Next::kGoOn;
}

bool Stub::AskReadiness() {
  py::gil_scoped_acquire gil;
  bool ready = false;
  if (const std::string error = Guard([&] { ready = model_.IsReady(loop_); }); !error.empty()) {
    throw StubError(error);
  }
  return ready;
}

Stub::Next Stub::Finalize(Handle message) {
  // After the reply the parent's pool for BLS and responses is gone (spec section 5.19).
  link_.set_pool_available(false);
  StreamTable::Get().CloseAll();
  WaitForDebts(link_);
  link_.region().As<IpcMessage>(message)->command = link_.protocol().Number(Command::kFinalizeResponse);
  link_.journal().page().phase.store(Phase::kFinalized);
  link_.to_parent().Push(message, {&link_.journal().page().answered});
  if (!python_runs_) {
    return Next::kEnd;
  }
  if (initialized_) {
    const std::string error = Guard([&] { model_.Finalize(); });
    if (!error.empty()) {
      outbox_.Log(
          {LogLevel::kError, __FILE__, __LINE__, "finalize() of model '" + context_.name + "' failed: " + error});
    }
  }
  Guard([&] {
    loop_.Stop();
    EndPython();
  });
  py::gil_scoped_release without_gil;
  CloseAllMetrics();
  outbox_.Stop();
  return Next::kEnd;
}

} // namespace mlflow_triton::stub
