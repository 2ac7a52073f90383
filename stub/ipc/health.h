// Sign of life and parent watch (spec sections 1.8 and 5.20), independent of Python and its lock.
#ifndef STUB_IPC_HEALTH_H_
#define STUB_IPC_HEALTH_H_

#include <condition_variable>
#include <mutex>
#include <thread>

#include "stub/ipc/link.h"

namespace mlflow_triton::stub {

/// A thread that sets `stub_health` every 100 ms and ends the process (region unlinked, status 1) when the parent is
/// gone. The destructor stops it at once.
class HealthThread {
public:
  HealthThread(Link &link, int parent);
  ~HealthThread();
  HealthThread(const HealthThread &) = delete;
  HealthThread &operator=(const HealthThread &) = delete;

private:
  void Run();
  bool ParentIsGone() const;

  Link &link_;
  int parent_;
  bool is_child_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;
};

} // namespace mlflow_triton::stub

#endif // STUB_IPC_HEALTH_H_
