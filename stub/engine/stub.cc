#include "stub/engine/stub.h"

#include <unistd.h>

#include "stub/engine/compatibility.h"
#include "stub/engine/receiver.h"
#include "stub/engine/startup.h"
#include "stub/error.h"
#include "stub/protocol/fingerprint.h"
#include "stub/python/exception_text.h"
#include "stub/python/libpython.h"
#include "stub/python/metrics.h"
#include "stub/python/runtime.h"
#include "stub/python/stream.h"
#include "stub/shm/dictionary.h"

namespace mlflow_triton::stub {

Stub::Stub(const LaunchArguments &arguments, std::string release)
    : arguments_(arguments), release_(std::move(release)), link_(arguments), outbox_(link_),
      context_{link_, outbox_, arguments.name, arguments.model_path}, model_(arguments) {
  SetContext(&context_);
  health_ = std::make_unique<HealthThread>(link_, arguments.parent);
  // The value is ignored. Everything that can fail from here on is told in the reply to the first command: a stub that
  // ends before hello would hang the server (spec sections 1.8 and 7.3).
  link_.to_parent().Push(kNoHandle);
}

std::string Stub::Prepare() {
  const Compatibility parent =
      CheckCompatibility(release_, FingerprintParent(arguments_.parent, arguments_.python_lib));
  link_.set_protocol(ProtocolOf(parent.revision));
  if (!parent.error.empty()) {
    return parent.error;
  }
  if (link_.protocol().parent_reaps_its_group) {
    // After a failed auto-complete these parents wait for "any child in my process group" (seen on 24.03: wait4 with
    // process 0), which lasts until some other model's stub ends. In groups of their own no stub is waited for.
    setpgid(0, 0);
  }
  if (!parent.warning.empty()) {
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
  Next next = Next::kGoOn;
  Handle message = kNoHandle;
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
  return failed_ ? 1 : 0;
}

Stub::Next Stub::Serve(Handle message) {
  const auto command = link_.protocol().CommandOf(link_.region().As<IpcMessage>(message)->command);
  if (!command) {
    return Next::kGoOn;
  }
  switch (*command) {
  case Command::kAutoCompleteRequest:
    return AutoComplete(message);
  case Command::kInitializeRequest:
    return Initialize(message);
  case Command::kFinalizeRequest:
    return Finalize(message);
  case Command::kLoadGpuBuffers:
    // Without GPU outputs there is nothing to copy, but the parent waits for the answer (spec section 5.8).
    link_.to_parent().Push(kNoHandle);
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

Stub::Next Stub::AutoComplete(Handle message) {
  std::string completed;
  const std::string error = Guard([&] {
    const std::string config = ReadText(link_.region(), link_.region().As<IpcMessage>(message)->args);
    model_.Import();
    completed = model_.AutoComplete(config);
  });
  ReplyAutoComplete(link_, error, completed);
  failed_ = !error.empty();
  return failed_ ? Next::kEnd : Next::kGoOn;
}

Stub::Next Stub::Initialize(Handle message) {
  std::string error = Guard([&] {
    const auto args = ReadDictionary(link_.region(), link_.region().As<IpcMessage>(message)->args);
    model_.Import();
    model_.Create();
    link_.set_helpers_allowed(true);
    outbox_.Start();
    StartReceiver(context_, [this] { return AskReadiness(); });
    model_.Initialize(args);
    if (link_.protocol().Number(Command::kUserModelReadinessRequest) != kNoCommand) {
      link_.control()->stub_has_user_model_readiness_fn = model_.TellsReadiness() ? 1 : 0;
    }
    executor_ = std::make_unique<Executor>(context_, model_, loop_);
  });
  {
    std::unique_ptr<py::gil_scoped_release> without_gil;
    if (python_runs_) {
      without_gil = std::make_unique<py::gil_scoped_release>();
    }
    ReplyInitialize(link_, error);
    failed_ = !error.empty();
    initialized_ = !failed_;
    if (failed_) {
      outbox_.Stop();
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
  link_.region().As<IpcMessage>(message)->command = link_.protocol().Number(Command::kFinalizeResponse);
  link_.to_parent().Push(message);
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
