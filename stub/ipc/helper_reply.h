// Replies of the parent to metric and model control messages (spec sections 3.13 and 5.14).
#ifndef STUB_IPC_HELPER_REPLY_H_
#define STUB_IPC_HELPER_REPLY_H_

#include <cstdint>
#include <functional>
#include <string>

#include "stub/ipc/context.h"

namespace mlflow_triton::stub {

/// Allocates the object that a message refers to; everything goes into the set.
using AllocateObject = std::function<Handle(ChunkSet &, Region::Lock &)>;

/// What a metric call answers.
struct MetricReply {
  double value = 0;
  std::uint64_t address = 0;
};

/// Sends a metric command and waits. Without the GIL. Throws StubError: `prefix` + the wrapped text of the parent, or
/// that this phase has no service.
MetricReply CallMetrics(Context &context, Command command, const std::string &prefix, const AllocateObject &object);

/// Sends a model control command and waits; returns whether the model is ready, for queries. As `CallMetrics`.
bool CallModelControl(Context &context, Command command, const std::string &prefix, const AllocateObject &object);

} // namespace mlflow_triton::stub

#endif // STUB_IPC_HELPER_REPLY_H_
