#include "stub/shm/message_queue.h"

#include <algorithm>
#include <cerrno>
#include <string>

#include "stub/error.h"
#include "stub/shm/spin.h"
#include "stub/shm/sync.h"

namespace mlflow_triton::stub {
namespace {

// A pause instruction takes 10 to 50 ns: at most some tens of microseconds, less than one sleep and wake-up.
constexpr int kMostSpins = 1024;
constexpr int kLeastSpins = 16;

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
  // With one processor the other side cannot run while this one spins.
  spins_ = SpinningHelps() ? kLeastSpins : 0;
}

void MessageQueue::Push(Handle value) {
  WaitSemaphore(&queue_->sem_empty);
  {
    SharedLock lock(&queue_->mutex);
    const auto head = static_cast<std::uint64_t>(queue_->head) % size_;
    StoreAt(slots_ + head * sizeof(Handle), value);
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
    queue_->tail = static_cast<std::int32_t>((tail + 1) % size_);
  }
  sem_post(&queue_->sem_empty);
  return value;
}

Handle MessageQueue::Pop() {
  for (int spin = 0; spin < spins_; ++spin) {
    if (TryWait(&queue_->sem_full)) {
      spins_ = std::min(spins_ * 2, kMostSpins);
      return Take();
    }
    SpinPause();
  }
  if (spins_ > 0) {
    spins_ = std::max(spins_ / 2, kLeastSpins);
  }
  WaitSemaphore(&queue_->sem_full);
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

} // namespace mlflow_triton::stub
