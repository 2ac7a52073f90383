// The life of one stub process (spec sections 1.8 and 5).
#ifndef STUB_ENGINE_STUB_H_
#define STUB_ENGINE_STUB_H_

#include <functional>
#include <memory>
#include <string>

#include "stub/engine/executor.h"
#include "stub/ipc/context.h"
#include "stub/ipc/health.h"
#include "stub/launch.h"

namespace mlflow_triton::stub {

/// Serves commands from hello to the end.
class Stub {
public:
  /// Opens the region, starts the health thread and says hello; Python is not needed for that. Throws StubError.
  /// `release` is the Triton release that the stub was built for.
  Stub(const LaunchArguments &arguments, std::string release);

  /// Serves until the parent asks for the end; returns the exit status.
  int Run();

private:
  enum class Next { kGoOn, kEnd };

  std::string Prepare();
  Next Serve(Handle message);
  Next AutoComplete(Handle message);
  Next Initialize(Handle message);
  Next Finalize(Handle message);
  bool AskReadiness();
  std::string Guard(const std::function<void()> &action);
  Handle PopWithoutGil();

  const LaunchArguments &arguments_;
  std::string release_;
  Link link_;
  Outbox outbox_;
  Context context_;
  std::unique_ptr<HealthThread> health_;
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
