// A request to another model on its way into the region (spec sections 3.7 to 3.10).
#ifndef STUB_ENGINE_REQUEST_PLAN_H_
#define STUB_ENGINE_REQUEST_PLAN_H_

#include <memory>
#include <vector>

#include "stub/engine/response_plan.h"
#include "stub/python/request.h"

namespace mlflow_triton::stub {

/// Sized with the GIL, allocated under one lock, written without the GIL.
class RequestPlan {
public:
  /// Needs the GIL, as does destruction. Throws StubError when an input cannot be sent.
  explicit RequestPlan(std::shared_ptr<InferenceRequest> request);

  /// Allocates a request batch with this one request.
  Handle Allocate(Region::Lock &lock, ChunkSet &chunks, const Protocol &protocol);
  /// Fills the chunks.
  void Write(Link &link);
  /// The parent's buffers for inputs in GPU memory; none until it has made some (spec section 5.9).
  Handle GpuBuffers(Link &link) const;
  /// Inputs in GPU memory; they live as long as the plan.
  std::vector<DeviceSpan> GpuSources() const { return GpuSourcesOf(inputs_); }

private:
  void WriteIdentity(Link &link, char *at) const;

  std::shared_ptr<InferenceRequest> request_;
  std::vector<TensorPlan> inputs_;
  std::vector<Handle> handles_; // requested outputs, then inputs
  std::size_t size_ = 0;        // of the request chunk
  Handle batch_ = kNoHandle, fixed_ = kNoHandle, name_ = kNoHandle, id_ = kNoHandle, parameters_ = kNoHandle;
  Handle correlation_ = kNoHandle, correlation_text_ = kNoHandle, trace_ = kNoHandle, trace_text_ = kNoHandle;
};

} // namespace mlflow_triton::stub

#endif // STUB_ENGINE_REQUEST_PLAN_H_
