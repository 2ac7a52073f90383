// `pb_utils.InferenceRequest` and what belongs to it (spec section 6.4).
#ifndef STUB_PYTHON_REQUEST_H_
#define STUB_PYTHON_REQUEST_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "stub/python/channel.h"
#include "stub/python/tensor.h"

namespace mlflow_triton::stub {

/// `pb_utils.InferenceTrace`: opaque, handed from an incoming request to requests made by the model.
struct InferenceTrace {
  std::uint64_t trace = 0; ///< pointer of the parent
  std::string context;
};

/// `pb_utils.TRITONSERVER_MEMORY_GPU` and `…_CPU`.
enum class PreferredMemoryType : std::int32_t { kGpu = 0, kCpu = 1 };

/// `pb_utils.PreferredMemory`: where a model wants the outputs of its own requests.
struct PreferredMemory {
  std::int32_t type = 2; ///< 0 GPU, 1 CPU, 2 default
  std::int64_t device_id = 0;
};

/// A request of a client, or one made by the model.
struct InferenceRequest {
  std::string request_id;
  std::variant<std::uint64_t, std::string> correlation_id = std::uint64_t{0};
  std::vector<std::shared_ptr<Tensor>> inputs;
  std::string model_name;
  std::int64_t model_version = -1;
  std::uint32_t flags = 0;
  std::uint64_t timeout = 0; ///< microseconds, 0 none
  std::string parameters = "{}";
  InferenceTrace trace;
  PreferredMemory preferred_memory;
  /// What the parent does with the request after execute: 1 release, 2 reschedule (spec section 5.4).
  std::uint32_t release_flags = 1;
  /// Answers go through here; also holds the requested output names.
  std::shared_ptr<Channel> channel;
  /// The request's own chunk; null for a request made by the model.
  std::shared_ptr<ChunkReference> chunk;

  /// Also writes the flags into the region, where the parent reads them.
  void SetReleaseFlags(std::uint32_t value);
  /// True when the model asked for rescheduling.
  bool rescheduled() const { return release_flags == 2; }
};

/// `pb_utils.InferenceResponseSender` (spec section 6.6).
struct InferenceResponseSender {
  std::shared_ptr<Channel> channel;
};

/// Defines the Python classes.
void DefineRequest(py::module_ &module);

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_REQUEST_H_
