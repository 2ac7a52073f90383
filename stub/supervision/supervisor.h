// The process that the parent starts: it keeps the connection alive while the model runs in a worker process.
#ifndef STUB_SUPERVISION_SUPERVISOR_H_
#define STUB_SUPERVISION_SUPERVISOR_H_

#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "stub/ipc/context.h"
#include "stub/launch.h"
#include "stub/supervision/assignment.h"
#include "stub/supervision/health.h"

namespace mlflow_triton::stub {

/// Says hello, hands the parent's first command to a worker, and starts another worker when one dies (spec
/// section 7.3). Workers share the region and take commands from the queues themselves, so a request costs no detour.
/// This process has one thread, never runs Python and never waits for the parent: it cannot be caught by what kills or
/// blocks a worker.
class Supervisor {
public:
  /// What a worker does, in its own process; its exit status is returned.
  using Work = std::function<int(Link &, const Assignment &)>;

  /// Opens the region. `release` is the Triton release that the stub was built for. Throws StubError.
  Supervisor(const LaunchArguments &arguments, std::string release, Work work);

  /// Returns the exit status when the parent wants no more.
  int Run();

private:
  std::optional<Assignment> AwaitAssignment();
  Assignment ReadAssignment(Command command, Handle message);
  void MeetParent();
  int RunWorkers(Assignment assignment);
  bool ServeWithoutWorker(const std::string &reason, int seconds);
  void FailStart(Command command, const JournalPage &page, const std::string &reason);
  bool Settle(const std::string &reason);
  void SettleRest(const std::string &reason);
  Handle Backlog();
  pid_t Fork(const char *name, const std::function<int()> &task);
  int WaitFor(pid_t process);
  void ReapSettlers();

  const LaunchArguments &arguments_;
  std::string release_;
  Work work_;
  Link link_;
  Outbox outbox_;
  Context context_;
  Health health_;
  Compatibility parent_;
  std::vector<pid_t> settlers_; // work off what dead workers owed
};

} // namespace mlflow_triton::stub

#endif // STUB_SUPERVISION_SUPERVISOR_H_
