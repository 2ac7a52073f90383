// The queues between parent and stub (spec section 2.7).
#ifndef STUB_SHM_MESSAGE_QUEUE_H_
#define STUB_SHM_MESSAGE_QUEUE_H_

#include <cstdint>
#include <optional>

#include "stub/shm/region.h"

namespace mlflow_triton::stub {

/// One queue. Several threads may push; one thread pops. Holds no reference: the parent keeps queues for the life of
/// the stub.
class MessageQueue {
public:
  /// Reads the size once; later changes are not followed (spec section 2.7). Throws StubError for a queue of no slots.
  MessageQueue(Region &region, Handle queue);

  /// Waits for a free slot.
  void Push(Handle value);

  /// Waits for a value: spins for a time that adapts to how often spinning helped, then sleeps.
  Handle Pop();

  /// Takes a value only if there is one.
  std::optional<Handle> TryPop();

  /// True when nothing waits.
  bool Empty() const;

private:
  Handle Take(); // sem_full already taken

  QueueShm *queue_;
  char *slots_;
  std::uint64_t size_;
  int spins_;
};

} // namespace mlflow_triton::stub

#endif // STUB_SHM_MESSAGE_QUEUE_H_
