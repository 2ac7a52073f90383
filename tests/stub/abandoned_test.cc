// Mutexes and conditions whose user was killed.
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "stub/shm/abandoned.h"
#include "stub/shm/sync.h"

using namespace mlflow_triton::stub;

namespace {

struct Shared {
  pthread_mutex_t mutex;
  pthread_cond_t condition;
  bool flag;
};

struct Fixture {
  Shared *shared =
      static_cast<Shared *>(mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));

  Fixture() {
    InitSharedMutex(&shared->mutex);
    InitSharedCondition(&shared->condition);
  }
  ~Fixture() { munmap(shared, sizeof(Shared)); }

  /// Kills a process that does `action` as soon as `there()`.
  template <typename Action, typename Predicate> void Kill(Action action, Predicate there) {
    const pid_t child = fork();
    if (child == 0) {
      action();
      _exit(0);
    }
    while (!there()) {
      usleep(1000);
    }
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }

  void KillAWaiter() {
    Kill(
        [this] {
          SharedLock lock(&shared->mutex);
          lock.WaitOnce(&shared->condition);
        },
        [this] {
          SharedLock lock(&shared->mutex);
          return WaitersOf(&shared->condition) == 1;
        });
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(waiters_are_counted, Fixture) {
  BOOST_TEST(WaitersOf(&shared->condition) == 0);
  KillAWaiter();
  BOOST_TEST(WaitersOf(&shared->condition) == 1); // nobody took it off
}

BOOST_FIXTURE_TEST_CASE(a_living_waiter_is_woken_past_a_dead_one, Fixture) {
  for (int round = 0; round < 50; ++round) {
    InitSharedCondition(&shared->condition);
    shared->flag = false;
    KillAWaiter();
    std::thread living([this] { // as a parent: tells the dead one, then waits for its word
      SharedLock lock(&shared->mutex);
      pthread_cond_broadcast(&shared->condition);
      lock.Wait(&shared->condition, [this] { return shared->flag; });
    });
    bool woken = false;
    for (int look = 0; look < 5000 && !woken; ++look, usleep(1000)) {
      SharedLock lock(&shared->mutex);
      if (WaitersOf(&shared->condition) > 1) {
        shared->flag = true;
        WakePastTheDead(&shared->condition); // hangs where the dead one's part is not taken off
        woken = true;
      }
    }
    BOOST_TEST(woken);
    living.join();
  }
}

BOOST_FIXTURE_TEST_CASE(a_mutex_of_a_dead_owner_is_unlocked, Fixture) {
  Kill(
      [this] {
        pthread_mutex_lock(&shared->mutex);
        shared->flag = true;
        pause();
      },
      [this] { return __atomic_load_n(&shared->flag, __ATOMIC_ACQUIRE); });
  BOOST_TEST(pthread_mutex_trylock(&shared->mutex) == EBUSY);
  UnlockIfAbandoned(&shared->mutex);
  BOOST_TEST(pthread_mutex_trylock(&shared->mutex) == 0);
}

BOOST_FIXTURE_TEST_CASE(a_mutex_of_a_living_owner_stays_locked, Fixture) {
  pthread_mutex_lock(&shared->mutex);
  UnlockIfAbandoned(&shared->mutex);
  BOOST_TEST(pthread_mutex_trylock(&shared->mutex) == EBUSY);
}
