#include "stub/shm/sync.h"

#include <cerrno>
#include <ctime>

#include "stub/shm/happens_before.h"

namespace mlflow_triton::stub {

void InitSharedMutex(pthread_mutex_t *mutex) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
}

void InitSharedCondition(pthread_cond_t *condition) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_cond_init(condition, &attributes);
  pthread_condattr_destroy(&attributes);
}

bool WaitSemaphoreFor(sem_t *semaphore, int milliseconds) {
  timespec deadline{};
  clock_gettime(CLOCK_REALTIME, &deadline); // the clock of semaphores
  const long nanoseconds = deadline.tv_nsec + milliseconds % 1000 * 1000000L;
  deadline.tv_sec += milliseconds / 1000 + nanoseconds / 1000000000L;
  deadline.tv_nsec = nanoseconds % 1000000000L;
  while (sem_timedwait(semaphore, &deadline) != 0) {
    if (errno != EINTR) {
      return false;
    }
  }
  AcquireFromParent();
  return true;
}

void WaitSemaphore(sem_t *semaphore) {
  while (sem_wait(semaphore) != 0 && errno == EINTR) {
  }
}

} // namespace mlflow_triton::stub
