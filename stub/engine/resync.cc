#include "stub/engine/resync.h"

namespace mlflow_triton::stub {

Handle LiveCommand(const std::vector<Handle> &values) {
  return values.empty() ? kNoHandle : values.back(); // a final 0 means that nothing is alive
}

Handle DrainAbandoned(MessageQueue &queue) {
  std::vector<Handle> values;
  while (const auto value = queue.TryPop()) {
    values.push_back(*value);
  }
  return LiveCommand(values);
}

} // namespace mlflow_triton::stub
