// The life of one worker: the process in which the model runs (spec sections 1.8 and 5).
#ifndef STUB_ENGINE_STUB_H_
#define STUB_ENGINE_STUB_H_

#include <functional>
#include <memory>
#include <string>

#include "stub/engine/executor.h"
#include "stub/ipc/context.h"
#include "stub/launch.h"
#include "stub/supervision/assignment.h"

namespace mlflow_triton::stub {

/// Does what the parent asked for first, then serves commands.
class Stub {
public:
  /// `release` is the Triton release that the stub was built for. What is given must outlive the process's threads.
  Stub(const LaunchArguments &arguments, std::string release, Link &link, const Assignment &assignment);

  /// Serves until the parent asks for the end; returns the exit status. The journal tells the supervisor how far it
  /// got.
  int Run();

private:
  enum class Next { kGoOn, kEnd };

  std::string Prepare();
  Next Begin();
  Next Serve(Handle message);
  Next AutoComplete();
  Next Initialize();
  Next Finalize(Handle message);
  bool AskReadiness();
  std::string Guard(const std::function<void()> &action);
  Handle PopWithoutGil();

  std::string release_;
  Link &link_;
  const Assignment &assignment_;
  Outbox outbox_;
  Context context_;
  Model model_;
  EventLoop loop_;
  std::unique_ptr<Executor> executor_;
  std::string startup_error_;
  bool python_runs_ = false;
  bool initialized_ = false;
  bool failed_ = false;
};

} // namespace mlflow_triton::stub

#endif // STUB_ENGINE_STUB_H_
