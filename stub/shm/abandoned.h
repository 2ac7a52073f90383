// Conditions of the region whose waiters died: what glibc would wait for, for ever.
#ifndef STUB_SHM_ABANDONED_H_
#define STUB_SHM_ABANDONED_H_

#include <pthread.h>

namespace mlflow_triton::stub {

/// Threads, dead ones included, that wait on `condition`.
int WaitersOf(const pthread_cond_t *condition);

/// Wakes all that wait on `condition`, among them threads that died in the wait. Until glibc 2.40 a later wake-up waits
/// for those of an earlier one to leave, which the dead never do: their part is taken off first. The caller holds the
/// mutex that belongs to the condition, and at most one living thread waits.
void WakePastTheDead(pthread_cond_t *condition);

} // namespace mlflow_triton::stub

#endif // STUB_SHM_ABANDONED_H_
