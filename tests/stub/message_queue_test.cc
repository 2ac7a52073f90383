// Queues across processes (spec section 2.7), and which command is alive after a pause (7.4).
#include <boost/test/unit_test.hpp>

#include <sys/wait.h>
#include <thread>

#include "stub/engine/resync.h"
#include "stub/error.h"
#include "stub/shm/message_queue.h"
#include "tests/stub/parent_side.h"

using namespace mlflow_triton::stub;

namespace {

struct Fixture {
  ParentSide parent{1 << 20, 4};
  std::unique_ptr<Region> region = Region::Open(parent.name(), ParentSide::kStep, parent.control());
  Handle handle = parent.At<IpcControl>(parent.control())->stub_message_queue;
  MessageQueue queue{*region, handle};
};

} // namespace

BOOST_FIXTURE_TEST_CASE(values_come_in_order_around_the_end, Fixture) {
  for (Handle value = 1; value <= 25; ++value) {
    BOOST_TEST(queue.Empty());
    queue.Push(value * 16);
    queue.Push(0);
    BOOST_TEST(!queue.Empty());
    BOOST_TEST(queue.Pop() == value * 16);
    BOOST_TEST(*queue.TryPop() == 0);
    BOOST_TEST(!queue.TryPop());
  }
}

BOOST_FIXTURE_TEST_CASE(a_size_that_cannot_be_is_refused, Fixture) {
  for (const std::uint64_t size : {std::uint64_t{0}, (std::uint64_t{1} << 61) + 1}) {
    parent.At<QueueShm>(handle)->size = size;
    BOOST_CHECK_THROW(MessageQueue(*region, handle), StubError);
  }
}

BOOST_FIXTURE_TEST_CASE(a_full_queue_waits_and_nothing_is_lost_between_processes, Fixture) {
  constexpr Handle kCount = 5000;
  const pid_t child = fork();
  if (child == 0) {
    const auto own = Region::Open(parent.name(), ParentSide::kStep, parent.control());
    MessageQueue sender(*own, handle);
    for (Handle value = 1; value <= kCount; ++value) {
      sender.Push(value);
    }
    _exit(0);
  }
  for (Handle value = 1; value <= kCount; ++value) {
    BOOST_REQUIRE(queue.Pop() == value);
  }
  int status = -1;
  waitpid(child, &status, 0);
  BOOST_TEST(status == 0);
  BOOST_TEST(queue.Empty());
}

BOOST_FIXTURE_TEST_CASE(several_threads_push, Fixture) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this] {
      for (Handle value = 1; value <= 1000; ++value) {
        queue.Push(value);
      }
    });
  }
  Handle sum = 0;
  for (int value = 0; value < 4000; ++value) {
    sum += queue.Pop();
  }
  for (std::thread &thread : threads) {
    thread.join();
  }
  BOOST_TEST(sum == 4 * 500500);
}

BOOST_FIXTURE_TEST_CASE(a_queue_without_slots_is_refused, Fixture) {
  parent.At<QueueShm>(handle)->size = 0;
  BOOST_CHECK_THROW(MessageQueue(*region, handle), StubError);
}

BOOST_AUTO_TEST_CASE(commands_followed_by_0_are_dead) {
  BOOST_TEST(LiveCommand({}) == kNoHandle);
  BOOST_TEST(LiveCommand({0}) == kNoHandle);
  BOOST_TEST(LiveCommand({0, 512}) == 512);
  BOOST_TEST(LiveCommand({0, 512, 0}) == kNoHandle);
  BOOST_TEST(LiveCommand({0, 512, 0, 1024}) == 1024);
}

BOOST_FIXTURE_TEST_CASE(draining_empties_the_queue, Fixture) {
  for (const Handle value : {0, 512, 0, 1024}) {
    queue.Push(value);
  }
  BOOST_TEST(DrainAbandoned(queue) == 1024);
  BOOST_TEST(queue.Empty());
}

BOOST_FIXTURE_TEST_CASE(what_is_taken_is_noted, Fixture) {
  std::atomic<Handle> taken{0};
  std::atomic<std::uint32_t> done{1}, pushed{0};
  queue.NoteTakenIn(&taken, {&done});
  queue.Push(32, {&pushed});
  BOOST_TEST(pushed.load() == 1u);
  BOOST_TEST(taken.load() == 0);
  BOOST_TEST(queue.Pop() == 32);
  BOOST_TEST(taken.load() == 32);
  BOOST_TEST(done.load() == 0u);
}

BOOST_FIXTURE_TEST_CASE(waiting_ends, Fixture) {
  BOOST_TEST(!queue.PopFor(20));
  queue.Push(16);
  BOOST_TEST(*queue.PopFor(20) == 16);
}

BOOST_FIXTURE_TEST_CASE(a_queue_left_in_the_middle_of_a_step_is_repaired, Fixture) {
  auto *shared = parent.At<QueueShm>(handle);
  const auto works = [&] {
    for (Handle value = 1; value <= 4; ++value) {
      queue.Push(value * 16);
    }
    for (Handle value = 1; value <= 4; ++value) {
      BOOST_TEST(*queue.TryPop() == value * 16);
    }
    BOOST_TEST(queue.Empty());
  };
  queue.Repair(); // nothing to do
  works();
  BOOST_TEST(sem_trywait(&shared->sem_empty) == 0); // died before it put its value in
  queue.Repair();
  works();
  queue.Push(16);
  BOOST_TEST(sem_trywait(&shared->sem_full) == 0); // died before it took the value
  queue.Repair();
  BOOST_TEST(*queue.TryPop() == 16);
  works();
  queue.Push(16);
  queue.Push(16);
  queue.Push(16);
  queue.Push(16); // a full queue is not an empty one
  queue.Repair();
  for (int count = 0; count < 4; ++count) {
    BOOST_TEST(*queue.TryPop() == 16);
  }
  BOOST_TEST(!queue.TryPop());
}
