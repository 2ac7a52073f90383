// Locking mutexes that the parent made, so that a death of this process is no concern of the parent.
#ifndef STUB_SHM_SHARED_MUTEX_H_
#define STUB_SHM_SHARED_MUTEX_H_

#include <pthread.h>

namespace mlflow_triton::stub {

/// Locks a mutex of the region. Those of the parent are robust (spec section 2.2): if a thread dies with one, the
/// kernel marks it, and the parent's next lock throws an exception that nobody catches. So this side takes them without
/// telling the kernel: the same word, by the same rules, but not on the list of robust mutexes that this thread holds.
/// Whoever settles the affairs of a dead process unlocks what it held (`UnlockIfAbandoned`). A mutex whose owner died
/// on the parent's side is taken over; an unrecoverable one throws StubError.
void LockShared(pthread_mutex_t *mutex);

/// The counterpart.
void UnlockShared(pthread_mutex_t *mutex);

/// Unlocks `mutex` if the thread that holds it no longer exists. Returns whether it was so.
bool UnlockIfAbandoned(pthread_mutex_t *mutex);

/// To be called in a child process right after `fork`: the thread's number is another one.
void ForgetThreadNumber();

} // namespace mlflow_triton::stub

#endif // STUB_SHM_SHARED_MUTEX_H_
