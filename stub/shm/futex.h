// Wake-ups that a dead process owed.
#ifndef STUB_SHM_FUTEX_H_
#define STUB_SHM_FUTEX_H_

#include <climits>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace mlflow_triton::stub {

constexpr int kAllSleepers = INT_MAX;

/// Wakes threads of any process that sleep on a 32-bit word of the region: that of a mutex, the first of a semaphore,
/// or one of a condition's group. A thread that dies between changing the word and this call, or after it was woken
/// itself, leaves others asleep for ever. Those woken for nothing look and sleep again (futex(2)).
inline void WakeSleepers(void *word, int most) { syscall(SYS_futex, word, FUTEX_WAKE, most, nullptr, nullptr, 0); }

} // namespace mlflow_triton::stub

#endif // STUB_SHM_FUTEX_H_
