#include "stub/ipc/health.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <unistd.h>

#include "stub/shm/sync.h"

namespace mlflow_triton::stub {
namespace {

constexpr std::chrono::milliseconds kPeriod{100};

} // namespace

HealthThread::HealthThread(Link &link, int parent)
    : link_(link), parent_(parent), is_child_(getppid() == parent), thread_([this] { Run(); }) {}

HealthThread::~HealthThread() {
  {
    std::lock_guard<std::mutex> guard(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

bool HealthThread::ParentIsGone() const {
  // A killed parent that nobody has waited for still has its process id; being handed to another parent shows earlier.
  return (kill(parent_, 0) != 0 && errno == ESRCH) || (is_child_ && getppid() != parent_);
}

void HealthThread::Run() {
  std::unique_lock<std::mutex> guard(mutex_);
  while (!stop_) {
    {
      SharedLock lock(&link_.control()->stub_health_mutex);
      link_.control()->stub_health = 1;
    }
    if (ParentIsGone()) {
      link_.region().Unlink();
      _exit(1); // nothing can be answered any more; other threads may wait for the parent for ever
    }
    wake_.wait_for(guard, kPeriod, [this] { return stop_; });
  }
}

} // namespace mlflow_triton::stub
