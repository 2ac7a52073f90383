// Process-shared mutexes and conditions that lie inside the region (spec section 2.2).
#ifndef STUB_SHM_SYNC_H_
#define STUB_SHM_SYNC_H_

#include <ctime>
#include <pthread.h>
#include <semaphore.h>

#include "stub/shm/happens_before.h"

namespace mlflow_triton::stub {

/// Makes a mutex that both processes may lock. Not robust: its memory is simply freed when the exchange is over.
void InitSharedMutex(pthread_mutex_t *mutex);

/// Makes a condition that both processes may wait on.
void InitSharedCondition(pthread_cond_t *condition);

/// Locks a mutex of the region. A mutex whose owner died is taken over (it is only ever held over memory operations);
/// an unrecoverable one throws StubError.
void LockShared(pthread_mutex_t *mutex);

/// Waits on a semaphore, going on after signals.
void WaitSemaphore(sem_t *semaphore);

/// Holds a mutex of the region for a scope.
class SharedLock {
public:
  explicit SharedLock(pthread_mutex_t *mutex) : mutex_(mutex) { LockShared(mutex_); }
  ~SharedLock() {
    ReleaseToParent();
    const Unwatched unwatched;
    pthread_mutex_unlock(mutex_);
  }
  SharedLock(const SharedLock &) = delete;
  SharedLock &operator=(const SharedLock &) = delete;

  /// Waits on `condition` until `done()`; the lock is released while waiting.
  template <typename Predicate> void Wait(pthread_cond_t *condition, Predicate done) {
    while (!done()) {
      WaitOnce(condition);
    }
  }

  /// The same for at most `seconds`; whether `done()` in the end.
  template <typename Predicate> bool WaitFor(pthread_cond_t *condition, int seconds, Predicate done) {
    timespec deadline{};
    clock_gettime(CLOCK_REALTIME, &deadline); // the clock of these conditions
    deadline.tv_sec += seconds;
    while (!done()) {
      ReleaseToParent();
      const int status = pthread_cond_timedwait(condition, mutex_, &deadline);
      AcquireFromParent();
      if (status != 0) {
        return done();
      }
    }
    return true;
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
