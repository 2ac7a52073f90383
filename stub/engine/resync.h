// Finding the way back after the parent gave up on a request (spec section 7.4).
#ifndef STUB_ENGINE_RESYNC_H_
#define STUB_ENGINE_RESYNC_H_

#include <vector>

#include "stub/shm/message_queue.h"

namespace mlflow_triton::stub {

/// Of the values that piled up, oldest first, the command that still waits for an answer, or none. A command followed
/// by 0 was given up as well and its memory is freed.
Handle LiveCommand(const std::vector<Handle> &values);

/// Empties the queue and returns its live command, or none.
Handle DrainAbandoned(MessageQueue &queue);

} // namespace mlflow_triton::stub

#endif // STUB_ENGINE_RESYNC_H_
