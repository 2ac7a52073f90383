#include "stub/shm/sync.h"

#include <cerrno>
#include <cstring>
#include <string>

#include "stub/error.h"
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

void LockShared(pthread_mutex_t *mutex) {
  const int status = pthread_mutex_lock(mutex);
  if (status == EOWNERDEAD) {
    pthread_mutex_consistent(mutex);
  } else if (status != 0) {
    throw StubError(std::string("cannot lock a mutex of the shared memory region: ") + std::strerror(status));
  }
  AcquireFromParent();
}

void WaitSemaphore(sem_t *semaphore) {
  while (sem_wait(semaphore) != 0 && errno == EINTR) {
  }
}

} // namespace mlflow_triton::stub
