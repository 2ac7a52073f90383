#include "stub/supervision/supervisor.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <random>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stub/error.h"
#include "stub/ipc/startup_reply.h"
#include "stub/shm/dictionary.h"
#include "stub/shm/shared_mutex.h"
#include "stub/supervision/call_ending.h"
#include "stub/supervision/death.h"
#include "stub/supervision/settlement.h"

namespace mlflow_triton::stub {
namespace {

// As `ps -o comm` shows them; at most 15 characters.
constexpr char kModelProcess[] = "triton-model";
constexpr char kSettlingProcess[] = "triton-settle";

constexpr int kForEver = -1;
constexpr int kSettlementAttempts = 3;
constexpr int kLooksForCalls = 500; // a millisecond each

// Added to the mark of a dead worker: marks of those who settle its affairs.
constexpr std::uint64_t kStepMark = 1;
constexpr std::uint64_t kRestMark = 2;
constexpr int kMostSecondsBetweenStarts = 30;

sigset_t ChildSignal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  return signals;
}

std::uint64_t NewMark() {
  std::random_device random;
  return (std::uint64_t{random()} << 32) | random() | 1;
}

bool IsStart(Command command) {
  return command == Command::kInitializeRequest || command == Command::kAutoCompleteRequest;
}

} // namespace

Supervisor::Supervisor(const LaunchArguments &arguments, std::string release, Work work)
    : arguments_(arguments), release_(std::move(release)), work_(std::move(work)), link_(arguments), outbox_(link_),
      context_{link_, outbox_, arguments.name, arguments.model_path}, health_(link_, arguments.parent) {
  const sigset_t child = ChildSignal();
  sigprocmask(SIG_BLOCK, &child, nullptr);
}

int Supervisor::Run() {
  health_.Tick();
  // The value is ignored. Everything that can fail from here on is told in the reply to the first command: a stub that
  // ends before hello would hang the server (spec sections 1.8 and 7.3).
  link_.to_parent().Push(kNoHandle);
  MeetParent();
  const auto assignment = AwaitAssignment();
  return assignment ? RunWorkers(*assignment) : 0;
}

void Supervisor::MeetParent() {
  parent_ = CheckCompatibility(release_, FingerprintParent(arguments_.parent, arguments_.python_lib));
  link_.set_protocol(ProtocolOf(parent_.revision));
  if (link_.protocol().parent_reaps_its_group) {
    // After a failed auto-complete these parents wait for "any child in my process group" (seen on 24.03: wait4 with
    // process 0), which lasts until some other model's stub ends. In groups of their own no stub is waited for.
    setpgid(0, 0);
  }
}

std::optional<Assignment> Supervisor::AwaitAssignment() {
  while (true) {
    health_.Tick();
    const auto message = link_.from_parent().PopFor(kHealthPeriodMilliseconds);
    if (!message || !link_.region().IsPlausible(*message)) {
      continue;
    }
    auto *fields = link_.region().As<IpcMessage>(*message);
    const auto command = link_.protocol().CommandOf(fields->command);
    if (command && IsStart(*command)) {
      return ReadAssignment(*command, *message);
    }
    if (command == Command::kFinalizeRequest) {
      fields->command = link_.protocol().Number(Command::kFinalizeResponse);
      link_.to_parent().Push(*message);
      return std::nullopt;
    }
  }
}

Assignment Supervisor::ReadAssignment(Command command, Handle message) {
  Assignment assignment;
  assignment.command = command;
  assignment.parent = parent_;
  assignment.error = parent_.error;
  try {
    const Handle args = link_.region().As<IpcMessage>(message)->args;
    if (command == Command::kAutoCompleteRequest) {
      assignment.config = ReadText(link_.region(), args);
    } else {
      assignment.args = ReadDictionary(link_.region(), args);
    }
  } catch (const StubError &error) {
    assignment.error = assignment.error.empty() ? error.what() : assignment.error;
  }
  return assignment;
}

int Supervisor::RunWorkers(Assignment assignment) {
  int failed_starts = 0;
  while (true) {
    link_.set_journal(Journal::Create());
    JournalPage &page = link_.journal().page();
    page.mark = NewMark();
    page.debts_open.store(settlers_.empty() ? 0 : 1);
    page.command.store(assignment.backlog); // also if this worker never gets to it
    const int status = WaitFor(Fork(kModelProcess, [this, &assignment, &page] {
      link_.region().MarkReferences(page.mark);
      return work_(link_, assignment);
    }));
    const Phase phase = page.phase.load();
    if (phase == Phase::kEnded || phase == Phase::kFinalized) {
      return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    }
    const bool served = phase == Phase::kServing;
    std::string reason = "The model's process " + DeathText(status);
    if (!assignment.again && !served && page.replied.load() == 0) {
      FailStart(assignment.command, page, reason);
      return 1;
    }
    reason += page.failure[0] != '\0' ? " when it was started again: " + std::string(page.failure) : ".";
    if (!Settle(reason + " It is being started again.")) {
      return 0;
    }
    if (assignment.command == Command::kAutoCompleteRequest) {
      ServeWithoutWorker(reason, kForEver); // nothing but the end is still to come
      return 0;
    }
    SettleRest(reason);
    failed_starts = served ? 0 : failed_starts + 1;
    assignment.backlog = Backlog();
    assignment.again = true;
    const int pause =
        std::min(kMostSecondsBetweenStarts, failed_starts == 0 ? 0 : 1 << std::min(failed_starts - 1, 10));
    if (pause > 0 && !ServeWithoutWorker(reason, pause)) {
      return 0;
    }
    if (pause > 0) {
      assignment.backlog = kNoHandle;
    }
  }
}

void Supervisor::FailStart(Command command, const JournalPage &page, const std::string &reason) {
  link_.region().UnlockIfAbandoned();
  for (MessageQueue *queue : {&link_.from_parent(), &link_.to_parent(), &link_.to_parent_service()}) {
    queue->Repair();
  }
  CallEnding(link_, link_.journal().page()).EndAll(kLooksForCalls); // a log line, say
  link_.region().DropMarked(page.mark);
  const bool completing = command == Command::kAutoCompleteRequest;
  const std::string error = page.failure[0] != '\0' ? page.failure
                                                    : reason + (completing ? " while it completed the configuration."
                                                                           : " while it initialized the model.");
  ReplyFailure(link_, command, error, [this] {
    const bool released = link_.from_parent().PopFor(kHealthPeriodMilliseconds).has_value();
    if (!released) {
      health_.Tick();
    }
    return released;
  });
}

bool Supervisor::Settle(const std::string &reason) {
  // Whatever killed the worker may kill this process, too: another goes on where the journal says that it got.
  int status = 1;
  for (int attempt = 0; attempt < kSettlementAttempts && status != 0; ++attempt) {
    status = WaitFor(Fork(kSettlingProcess, [this, &reason] {
      Settlement(context_, reason, link_.journal().page().mark + kStepMark).AnswerCommand();
      return 0;
    }));
  }
  return link_.journal().page().phase.load() != Phase::kFinalized;
}

void Supervisor::SettleRest(const std::string &reason) {
  settlers_.push_back(Fork(kSettlingProcess, [this, &reason] {
    Settlement(context_, reason, link_.journal().page().mark + kRestMark).SettleRest();
    return 0;
  }));
}

Handle Supervisor::Backlog() {
  const JournalPage &page = link_.journal().page();
  return page.answered.load() == 0 ? page.command.load() : kNoHandle;
}

bool Supervisor::ServeWithoutWorker(const std::string &reason, int seconds) {
  const std::string text =
      reason + (seconds > 0 ? " The next attempt to start it is made within " + std::to_string(seconds) + " s." : "");
  JournalPage &page = link_.journal().page();
  page.phase.store(Phase::kServing);
  const int ticks = seconds * 1000 / kHealthPeriodMilliseconds;
  for (int tick = 0; seconds == kForEver || tick < ticks; ++tick) {
    health_.Tick();
    ReapSettlers();
    const bool waits = Backlog() != kNoHandle;
    if ((waits || link_.from_parent().PopFor(kHealthPeriodMilliseconds)) && Backlog() != kNoHandle && !Settle(text)) {
      return false;
    }
  }
  return true;
}

pid_t Supervisor::Fork(const char *name, const std::function<int()> &task) {
  const pid_t parent = getpid();
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) {
    throw StubError("cannot start a process for model '" + context_.name + "': " + std::strerror(errno));
  }
  if (child > 0) {
    return child;
  }
  ForgetThreadNumber();
  prctl(PR_SET_NAME, name);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) {
    _exit(1); // it died before the line above
  }
  const sigset_t signals = ChildSignal();
  sigprocmask(SIG_UNBLOCK, &signals, nullptr);
  int status = 1;
  try {
    status = task();
  } catch (const std::exception &error) {
    std::fprintf(stderr, "triton_python_backend_stub of '%s' ends: %s\n", context_.name.c_str(), error.what());
  }
  std::fflush(nullptr);
  // No destructors of a process that still has threads: the exit must be quick and cannot fail (runtime.h).
  _exit(status);
}

void Supervisor::ReapSettlers() {
  const auto ended = [](pid_t settler) { return waitpid(settler, nullptr, WNOHANG) == settler; };
  settlers_.erase(std::remove_if(settlers_.begin(), settlers_.end(), ended), settlers_.end());
  if (settlers_.empty()) {
    link_.journal().page().debts_open.store(0);
  }
}

int Supervisor::WaitFor(pid_t process) {
  const sigset_t child = ChildSignal();
  const timespec period{0, kHealthPeriodMilliseconds * 1000000L};
  int status = 0;
  while (true) {
    const pid_t ended = waitpid(process, &status, WNOHANG);
    if (ended == process || (ended < 0 && errno == ECHILD)) {
      return status;
    }
    ReapSettlers();
    health_.Tick();
    sigtimedwait(&child, nullptr, &period);
  }
}

} // namespace mlflow_triton::stub
