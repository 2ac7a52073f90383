// A response on its way into the region: sized with the GIL, allocated under one lock, written without the GIL.
#ifndef STUB_ENGINE_RESPONSE_PLAN_H_
#define STUB_ENGINE_RESPONSE_PLAN_H_

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "stub/ipc/response_send.h"
#include "stub/python/object_bytes.h"
#include "stub/python/response.h"

namespace mlflow_triton::stub {

/// One tensor to be written (spec sections 3.5 and 3.6), or an existing chunk to be passed on by handle.
class TensorPlan {
public:
  /// Needs the GIL, as does destruction. Throws StubError when the tensor cannot be sent.
  explicit TensorPlan(std::shared_ptr<Tensor> tensor);

  /// Handle to put into the response; allocates the chunk unless the tensor already lives in the region.
  Handle Allocate(Region::Lock &lock, ChunkSet &chunks, const Protocol &protocol);
  /// Fills the chunk.
  void Write(Link &link) const;
  /// Data bytes that `Write` copies.
  std::size_t data_bytes() const { return data_bytes_; }
  /// True when the parent supplies a buffer, to which the data are copied later (spec section 5.8).
  bool needs_gpu_buffer() const { return on_device_; }
  const std::shared_ptr<Tensor> &tensor() const { return tensor_; }

private:
  std::size_t HeaderSize() const;

  std::shared_ptr<Tensor> tensor_;
  Handle forwarded_ = kNoHandle;
  std::shared_ptr<ChunkReference> shared_; // memory chunk that has the data already
  std::optional<ObjectBytes> objects_;
  std::size_t data_bytes_ = 0;
  bool on_device_ = false;
  Handle handle_ = kNoHandle;
  Handle memory_ = kNoHandle; // separate memory chunk
};

/// The data of those tensors that need a buffer of the parent.
std::vector<DeviceSpan> GpuSourcesOf(const std::vector<TensorPlan> &plans);

/// The data of a tensor in GPU memory.
DeviceSpan SpanOf(const Tensor &tensor);

/// One response with the outputs that were asked for, or its error (spec section 3.11).
class ResponsePlan : public ResponseWriter {
public:
  /// Outputs not in `requested` are dropped, unless that is empty. Needs the GIL, as does destruction.
  ResponsePlan(const InferenceResponse &response, const std::set<std::string> &requested);

  Handle Allocate(Region::Lock &lock, ChunkSet &chunks, const Protocol &protocol) override;
  void Write(Link &link) const override;
  std::vector<DeviceSpan> GpuSources() const override { return GpuSourcesOf(tensors_); }
  /// Adds the tensors that need a buffer of the parent.
  void AddGpuTensors(std::vector<std::shared_ptr<Tensor>> *tensors) const;
  /// Data bytes that `Write` copies.
  std::size_t data_bytes() const;

private:
  std::vector<TensorPlan> tensors_;
  std::optional<ErrorResponse> error_;
  std::string parameters_;
  std::vector<Handle> outputs_;
  Handle handle_ = kNoHandle;
  Handle parameters_handle_ = kNoHandle;
};

} // namespace mlflow_triton::stub

#endif // STUB_ENGINE_RESPONSE_PLAN_H_
