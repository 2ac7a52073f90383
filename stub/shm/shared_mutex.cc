#include "stub/shm/shared_mutex.h"

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

#include "stub/error.h"
#include "stub/shm/futex.h"
#include "stub/shm/happens_before.h"
#include "stub/shm/spin.h"

namespace mlflow_triton::stub {
namespace {

// Of glibc's internals, unchanged since robust mutexes exist: the bit of the kind, and the owner of a mutex that was
// given up.
constexpr int kRobust = 16;
constexpr int kNotRecoverable = INT_MAX - 1;

constexpr int kSpins = 100; // a lock is held for less than a microsecond

thread_local std::uint32_t thread_number = 0;

std::uint32_t ThreadNumber() {
  if (thread_number == 0) {
    thread_number = static_cast<std::uint32_t>(syscall(SYS_gettid));
  }
  return thread_number;
}

bool IsRobust(const pthread_mutex_t *mutex) { return (mutex->__data.__kind & kRobust) != 0; }

/// 0, or the owner's thread number with FUTEX_WAITERS and FUTEX_OWNER_DIED (robust-futex-ABI of the kernel).
std::uint32_t *LockWord(pthread_mutex_t *mutex) { return reinterpret_cast<std::uint32_t *>(&mutex->__data.__lock); }

bool Replace(std::uint32_t *word, std::uint32_t *seen, std::uint32_t with) {
  return __atomic_compare_exchange_n(word, seen, with, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

bool TryLock(std::uint32_t *word, std::uint32_t flags) {
  std::uint32_t seen = 0;
  if (Replace(word, &seen, ThreadNumber() | flags)) {
    return true;
  }
  return (seen & FUTEX_OWNER_DIED) != 0 && Replace(word, &seen, ThreadNumber() | flags | (seen & FUTEX_WAITERS));
}

void LockRobust(pthread_mutex_t *mutex) {
  std::uint32_t *word = LockWord(mutex);
  bool locked = TryLock(word, 0);
  for (int spin = 0; !locked && SpinningHelps() && spin < kSpins; ++spin) {
    SpinPause();
    locked = __atomic_load_n(word, __ATOMIC_RELAXED) == 0 && TryLock(word, 0);
  }
  while (!locked) {
    std::uint32_t seen = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    if (seen != 0 && (seen & FUTEX_OWNER_DIED) == 0 &&
        ((seen & FUTEX_WAITERS) != 0 || Replace(word, &seen, seen | FUTEX_WAITERS))) {
      syscall(SYS_futex, word, FUTEX_WAIT, seen | FUTEX_WAITERS, nullptr, nullptr, 0);
    }
    locked = TryLock(word, FUTEX_WAITERS); // others may wait, too
  }
  if (__atomic_load_n(&mutex->__data.__owner, __ATOMIC_RELAXED) == kNotRecoverable) {
    UnlockShared(mutex);
    throw StubError("a mutex of the shared memory region was given up by the server");
  }
}

void UnlockRobust(std::uint32_t *word) {
  if ((__atomic_exchange_n(word, 0, __ATOMIC_ACQ_REL) & FUTEX_WAITERS) != 0) {
    WakeSleepers(word, 1);
  }
}

std::uint32_t OwnerOf(const pthread_mutex_t *mutex) {
  auto *shared = const_cast<pthread_mutex_t *>(mutex);
  const std::uint32_t word = __atomic_load_n(LockWord(shared), __ATOMIC_ACQUIRE);
  if (IsRobust(mutex)) {
    return word & FUTEX_TID_MASK;
  }
  return word == 0 ? 0 : static_cast<std::uint32_t>(__atomic_load_n(&shared->__data.__owner, __ATOMIC_ACQUIRE));
}

} // namespace

void LockShared(pthread_mutex_t *mutex) {
  if (IsRobust(mutex)) {
    LockRobust(mutex);
  } else if (const int status = pthread_mutex_lock(mutex); status != 0) {
    throw StubError(std::string("cannot lock a mutex of the shared memory region: ") + std::strerror(status));
  }
  AcquireFromParent();
}

void UnlockShared(pthread_mutex_t *mutex) {
  ReleaseToParent();
  const Unwatched unwatched;
  if (IsRobust(mutex)) {
    UnlockRobust(LockWord(mutex));
  } else {
    pthread_mutex_unlock(mutex);
  }
}

bool UnlockIfAbandoned(pthread_mutex_t *mutex) {
  std::uint32_t *word = LockWord(mutex);
  std::uint32_t seen = __atomic_load_n(word, __ATOMIC_ACQUIRE);
  const std::uint32_t owner = OwnerOf(mutex);
  if (owner == 0 || syscall(SYS_tkill, owner, 0) == 0 || errno != ESRCH) {
    WakeSleepers(word, 1); // the dead may have unlocked it, or have been woken, without telling the next
    return false;
  }
  if (!IsRobust(mutex)) {
    pthread_mutex_unlock(mutex); // glibc does not ask who unlocks
    return true;
  }
  // Not if it has been unlocked meanwhile, by a thread that has ended since.
  while ((seen & FUTEX_TID_MASK) == owner) {
    if (Replace(word, &seen, 0)) {
      WakeSleepers(word, 1);
      return true;
    }
  }
  return false;
}

void ForgetThreadNumber() { thread_number = 0; }

} // namespace mlflow_triton::stub
