// The queues between parent and stub (spec section 2.7).
#ifndef STUB_SHM_MESSAGE_QUEUE_H_
#define STUB_SHM_MESSAGE_QUEUE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "stub/shm/region.h"

namespace mlflow_triton::stub {

/// One queue. Several threads may push; one thread pops. Takes a reference that is never dropped: after a failed start
/// the parent frees its queues while the stub still uses them, and the region dies with the last process of the stub
/// (spec sections 2.4 and 5.3).
class MessageQueue {
public:
  /// Reads the size once; later changes are not followed (spec section 2.7). Throws StubError for a queue of no slots.
  MessageQueue(Region &region, Handle queue);

  /// Words that become 1 in the critical section that puts a value in, so that another process can tell whether it is
  /// in.
  using Receipts = std::array<std::atomic<std::uint32_t> *, 2>;

  /// Waits for a free slot. Receipts may be null.
  void Push(Handle value, const Receipts &receipts = {});

  /// Waits for a value: spins for a time that adapts to how often spinning helped, then sleeps.
  Handle Pop();

  /// The same for at most `milliseconds`, without spinning.
  std::optional<Handle> PopFor(int milliseconds);

  /// Takes a value only if there is one.
  std::optional<Handle> TryPop();

  /// Every value taken is noted in `record` first, in the critical section that takes it, and `reset` become 0: what
  /// was told of the value before. They may be null.
  void NoteTakenIn(std::atomic<Handle> *record, const Receipts &reset = {}) {
    record_ = record;
    reset_ = reset;
  }

  /// Unlocks the queue and brings the semaphores in line with head and tail after a process died in the middle of a
  /// push or a pop. The other side may go on meanwhile. Takes some milliseconds if something is amiss.
  void Repair();

  /// True when nothing waits.
  bool Empty() const;

private:
  Handle Take(); // sem_full already taken
  /// How many posts `sem_full` (else `sem_empty`) lacks for what head and tail say.
  int MissingPosts(bool of_full);

  QueueShm *queue_;
  char *slots_;
  std::uint64_t size_;
  // How long it pays to look before sleeping depends on what comes: the 0 that ends an exchange comes soon after the
  // answer, the next command when a client wants something.
  int spins_after_message_;
  int spins_after_zero_;
  bool last_was_message_ = false;
  std::atomic<Handle> *record_ = nullptr;
  Receipts reset_{};
};

} // namespace mlflow_triton::stub

#endif // STUB_SHM_MESSAGE_QUEUE_H_
