#include "stub/supervision/health.h"

#include <cerrno>
#include <csignal>
#include <unistd.h>

#include "stub/shm/sync.h"

namespace mlflow_triton::stub {

Health::Health(Link &link, int parent) : link_(link), parent_(parent), is_child_(getppid() == parent) {}

bool Health::ParentIsGone() const {
  // A killed parent that nobody has waited for still has its process id; being handed to another parent shows earlier.
  return (kill(parent_, 0) != 0 && errno == ESRCH) || (is_child_ && getppid() != parent_);
}

void Health::Tick() {
  {
    SharedLock lock(&link_.control()->stub_health_mutex);
    link_.control()->stub_health = 1;
  }
  if (ParentIsGone()) {
    link_.region().Unlink();
    _exit(1); // nothing can be answered any more; the workers end with this process
  }
}

} // namespace mlflow_triton::stub
