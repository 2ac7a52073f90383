#include "stub/shm/message_queue.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <unistd.h>

#include "stub/error.h"
#include "stub/shm/futex.h"
#include "stub/shm/spin.h"
#include "stub/shm/sync.h"

namespace mlflow_triton::stub {
namespace {

// A pause instruction takes 10 to 50 ns: at most some tens of microseconds, less than one sleep and wake-up.
constexpr int kMostSpins = 1024;
constexpr int kLeastSpins = 16;

constexpr int kLooksBeforeRepair = 10;
constexpr useconds_t kMicrosecondsBetweenLooks = 500;

bool TryWait(sem_t *semaphore) {
  while (sem_trywait(semaphore) != 0) {
    if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

} // namespace

MessageQueue::MessageQueue(Region &region, Handle queue) : queue_(region.As<QueueShm>(queue)), size_(queue_->size) {
  if (size_ == 0) {
    throw StubError("a message queue of the shared memory region has no slots");
  }
  if (size_ > region.size()) {
    throw StubError("a message queue of the shared memory region has " + std::to_string(size_) + " slots");
  }
  slots_ = region.Payload(queue_->buffer, size_ * sizeof(Handle));
  {
    Region::Lock lock(region);
    lock.AddReference(queue);
    lock.AddReference(queue_->buffer);
  }
  // With one processor the other side cannot run while this one spins.
  spins_after_message_ = spins_after_zero_ = SpinningHelps() ? kLeastSpins : 0;
}

void MessageQueue::Push(Handle value, const Receipts &receipts) {
  WaitSemaphore(&queue_->sem_empty);
  {
    SharedLock lock(&queue_->mutex);
    const auto head = static_cast<std::uint64_t>(queue_->head) % size_;
    StoreAt(slots_ + head * sizeof(Handle), value);
    for (std::atomic<std::uint32_t> *receipt : receipts) {
      if (receipt != nullptr) {
        receipt->store(1, std::memory_order_release);
      }
    }
    queue_->head = static_cast<std::int32_t>((head + 1) % size_);
  }
  sem_post(&queue_->sem_full);
}

Handle MessageQueue::Take() {
  Handle value = kNoHandle;
  {
    SharedLock lock(&queue_->mutex);
    const auto tail = static_cast<std::uint64_t>(queue_->tail) % size_;
    value = LoadAt<Handle>(slots_ + tail * sizeof(Handle));
    if (record_ != nullptr) {
      record_->store(value, std::memory_order_release);
    }
    for (std::atomic<std::uint32_t> *word : reset_) {
      if (word != nullptr) {
        word->store(0, std::memory_order_release);
      }
    }
    queue_->tail = static_cast<std::int32_t>((tail + 1) % size_);
  }
  sem_post(&queue_->sem_empty);
  return value;
}

Handle MessageQueue::Pop() {
  int &spins = last_was_message_ ? spins_after_message_ : spins_after_zero_;
  bool soon = false;
  for (int spin = 0; spin < spins && !soon; ++spin) {
    soon = TryWait(&queue_->sem_full);
    if (!soon) {
      SpinPause();
    }
  }
  if (spins > 0) {
    spins = soon ? std::min(spins * 2, kMostSpins) : std::max(spins / 2, kLeastSpins);
  }
  if (!soon) {
    WaitSemaphore(&queue_->sem_full);
  }
  const Handle value = Take();
  last_was_message_ = value != kNoHandle;
  return value;
}

std::optional<Handle> MessageQueue::PopFor(int milliseconds) {
  if (!WaitSemaphoreFor(&queue_->sem_full, milliseconds)) {
    return std::nullopt;
  }
  return Take();
}

std::optional<Handle> MessageQueue::TryPop() {
  if (!TryWait(&queue_->sem_full)) {
    return std::nullopt;
  }
  return Take();
}

bool MessageQueue::Empty() const {
  int value = 0;
  return sem_getvalue(&queue_->sem_full, &value) == 0 && value <= 0;
}

int MessageQueue::MissingPosts(bool of_full) {
  SharedLock lock(&queue_->mutex);
  int full = 0, empty = 0;
  if (sem_getvalue(&queue_->sem_full, &full) != 0 || sem_getvalue(&queue_->sem_empty, &empty) != 0) {
    return 0;
  }
  const auto head = static_cast<std::uint64_t>(queue_->head) % size_;
  const auto tail = static_cast<std::uint64_t>(queue_->tail) % size_;
  std::uint64_t used = (head + size_ - tail) % size_;
  if (used == 0 && full > 0) {
    used = size_; // head and tail are the same in a full queue, too
  }
  return of_full ? static_cast<int>(used) - full : static_cast<int>(size_ - used) - empty;
}

void MessageQueue::Repair() {
  UnlockIfAbandoned(&queue_->mutex);
  for (const bool of_full : {true, false}) {
    sem_t *semaphore = of_full ? &queue_->sem_full : &queue_->sem_empty;
    // The other side counts before or after it moves head or tail: what is missing only for a moment is not missing.
    int missing = MissingPosts(of_full);
    for (int look = 0; look < kLooksBeforeRepair && missing > 0; ++look) {
      usleep(kMicrosecondsBetweenLooks);
      missing = std::min(missing, MissingPosts(of_full));
    }
    for (; missing > 0; --missing) {
      sem_post(semaphore);
    }
    WakeSleepers(semaphore, kAllSleepers);
  }
}

} // namespace mlflow_triton::stub
