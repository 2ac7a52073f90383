#include "stub/shm/abandoned.h"

#include <cstdint>
#include <sched.h>
#include <thread>

#include "stub/shm/futex.h"

namespace mlflow_triton::stub {
namespace {

/// The words of a glibc condition that matter here. Two layouts exist: until 2.40, and without counts of group members
/// after (the change was also taken back to older releases by distributions, so the version tells nothing).
struct ConditionLayout {
  int waiters;       ///< word with the number of waiters, times 8
  int signals;       ///< first of two words on which the members of each group sleep
  int group_members; ///< first of two words with the members of each group, times 2; -1: none are kept
};
constexpr ConditionLayout kWithGroupMembers{9, 10, 4};
constexpr ConditionLayout kWithoutGroupMembers{7, 8, -1};
constexpr int kWords = sizeof(pthread_cond_t) / sizeof(std::uint32_t);

std::uint32_t *Word(const pthread_cond_t *condition, int index) {
  return reinterpret_cast<std::uint32_t *>(const_cast<pthread_cond_t *>(condition)) + index;
}

std::uint32_t LoadWord(const pthread_cond_t *condition, int index) {
  return __atomic_load_n(Word(condition, index), __ATOMIC_ACQUIRE);
}

/// Lets a thread wait on a condition of our own and looks which words changed.
ConditionLayout FindLayout() {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
  bool done = false, waits = false;
  std::thread waiter([&] {
    pthread_mutex_lock(&mutex);
    waits = true;
    while (!done) {
      pthread_cond_wait(&condition, &mutex);
    }
    pthread_mutex_unlock(&mutex);
  });
  ConditionLayout layout = kWithoutGroupMembers;
  for (bool seen = false; !seen; sched_yield()) {
    pthread_mutex_lock(&mutex);
    seen = waits; // the mutex is free, so it is in the wait by now
    if (seen) {
      layout = (LoadWord(&condition, kWithGroupMembers.waiters) >> 3) == 1 ? kWithGroupMembers : kWithoutGroupMembers;
      done = true;
      pthread_cond_broadcast(&condition);
    }
    pthread_mutex_unlock(&mutex);
  }
  waiter.join();
  return layout;
}

const ConditionLayout &Layout() {
  static_assert(kWithGroupMembers.waiters < kWords);
  static const ConditionLayout layout = FindLayout();
  return layout;
}

} // namespace

int WaitersOf(const pthread_cond_t *condition) { return static_cast<int>(LoadWord(condition, Layout().waiters) >> 3); }

void WakePastTheDead(pthread_cond_t *condition) {
  if (Layout().group_members >= 0) {
    // The lowest bit of the sequence number says which group new waiters join; a living one is in that group, as it
    // came after the wake-up of the dead.
    const std::uint32_t joining = LoadWord(condition, 0) & 1U;
    std::uint32_t *members = Word(condition, Layout().group_members + static_cast<int>(joining ^ 1U));
    __atomic_and_fetch(members, 1U, __ATOMIC_ACQ_REL);
  }
  pthread_cond_broadcast(condition);
  for (const int group : {0, 1}) {
    // One that was counted as woken by a thread that died before it told the kernel.
    WakeSleepers(Word(condition, Layout().signals + group), kAllSleepers);
  }
}

} // namespace mlflow_triton::stub
