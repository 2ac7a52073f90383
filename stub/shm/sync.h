// Process-shared mutexes and conditions that lie inside the region (spec section 2.2).
#ifndef STUB_SHM_SYNC_H_
#define STUB_SHM_SYNC_H_

#include <pthread.h>
#include <semaphore.h>

#include "stub/shm/happens_before.h"
#include "stub/shm/shared_mutex.h"

namespace mlflow_triton::stub {

/// Makes a mutex that both processes may lock. Not robust: its memory is simply freed when the exchange is over.
void InitSharedMutex(pthread_mutex_t *mutex);

/// Makes a condition that both processes may wait on.
void InitSharedCondition(pthread_cond_t *condition);

/// Waits on a semaphore, going on after signals.
void WaitSemaphore(sem_t *semaphore);

/// The same for at most `milliseconds`; false when they have passed.
bool WaitSemaphoreFor(sem_t *semaphore, int milliseconds);

/// Holds a mutex of the region for a scope. Only with mutexes of `InitSharedMutex` one may wait: glibc would take one
/// of the parent off a list on which it is not.
class SharedLock {
public:
  explicit SharedLock(pthread_mutex_t *mutex) : mutex_(mutex) { LockShared(mutex_); }
  ~SharedLock() { UnlockShared(mutex_); }
  SharedLock(const SharedLock &) = delete;
  SharedLock &operator=(const SharedLock &) = delete;

  /// Waits on `condition` until `done()`; the lock is released while waiting.
  template <typename Predicate> void Wait(pthread_cond_t *condition, Predicate done) {
    while (!done()) {
      WaitOnce(condition);
    }
  }

  /// Waits for one wake-up, whatever it is for (spec section 5.9: no predicate exists there).
  void WaitOnce(pthread_cond_t *condition) {
    ReleaseToParent();
    pthread_cond_wait(condition, mutex_);
    AcquireFromParent();
  }

private:
  pthread_mutex_t *mutex_;
};

} // namespace mlflow_triton::stub

#endif // STUB_SHM_SYNC_H_
