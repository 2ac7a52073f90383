#include "stub/engine/request_plan.h"

#include "stub/error.h"

namespace mlflow_triton::stub {

RequestPlan::RequestPlan(std::shared_ptr<InferenceRequest> request) : request_(std::move(request)) {
  for (const auto &input : request_->inputs) {
    inputs_.emplace_back(input);
  }
}

Handle RequestPlan::Allocate(Region::Lock &lock, ChunkSet &chunks, const Protocol &protocol) {
  if (protocol.request.model_name_handle == kAbsent) {
    throw StubError("Requests to other models need Triton 24.04 or newer.");
  }
  handles_.clear();
  for (const std::string &output : request_->channel->requested_outputs) {
    handles_.push_back(chunks.AllocateText(lock, output));
  }
  for (TensorPlan &input : inputs_) {
    handles_.push_back(input.Allocate(lock, chunks, protocol));
  }
  name_ = chunks.AllocateText(lock, request_->model_name);
  id_ = chunks.AllocateText(lock, request_->request_id);
  parameters_ = chunks.AllocateText(lock, request_->parameters);
  const auto *text = std::get_if<std::string>(&request_->correlation_id);
  correlation_text_ = chunks.AllocateText(lock, text != nullptr ? *text : std::string());
  correlation_ = chunks.Allocate(lock, sizeof(CorrelationIdShm));
  trace_text_ = chunks.AllocateText(lock, request_->trace.context);
  trace_ = chunks.Allocate(lock, sizeof(TraceShm));
  fixed_ = chunks.Allocate(lock, static_cast<std::size_t>(protocol.request.size) + handles_.size() * sizeof(Handle));
  batch_ = chunks.Allocate(lock, sizeof(RequestBatchShm) + sizeof(Handle));
  return batch_;
}

void RequestPlan::Write(Link &link) {
  const RequestLayout &layout = link.protocol().request;
  Region &region = link.region();
  const InferenceRequest &request = *request_;
  CorrelationIdShm id{};
  id.id_string = correlation_text_;
  id.id_type = std::holds_alternative<std::string>(request.correlation_id) ? 1 : 0;
  id.id_uint = id.id_type == 0 ? std::get<std::uint64_t>(request.correlation_id) : 0;
  *region.As<CorrelationIdShm>(correlation_) = id;
  *region.As<TraceShm>(trace_) = TraceShm{trace_text_, request.trace.trace};

  const auto fixed = static_cast<std::size_t>(layout.size);
  char *at = region.Payload(fixed_, fixed + handles_.size() * sizeof(Handle));
  std::memset(at, 0, fixed); // addresses 0: this request is not one of the parent's
  StoreAt(at + layout.input_count, static_cast<std::uint32_t>(inputs_.size()));
  StoreAt(at + layout.requested_output_count, static_cast<std::uint32_t>(handles_.size() - inputs_.size()));
  StoreAt(at + layout.model_version, request.model_version);
  StoreAt(at + layout.flags, request.flags);
  StoreAt(at + layout.timeout, request.timeout);
  StoreAt(at + layout.memory_type, request.preferred_memory.type);
  StoreAt(at + layout.memory_device_id, request.preferred_memory.device_id);
  StoreAt(at + layout.trace_handle, trace_);
  StoreAt<std::uint32_t>(at + layout.release_flags, 1);
  StoreAt(at + layout.correlation_id_handle, correlation_);
  StoreAt(at + layout.model_name_handle, name_);
  StoreAt(at + layout.request_id_handle, id_);
  StoreAt(at + layout.parameters_handle, parameters_);
  if (!handles_.empty()) {
    std::memcpy(at + fixed, handles_.data(), handles_.size() * sizeof(Handle));
  }
  char *batch = region.Payload(batch_, sizeof(RequestBatchShm) + sizeof(Handle));
  StoreAt(batch, RequestBatchShm{1, 0, kNoHandle});
  StoreAt(batch + sizeof(RequestBatchShm), fixed_);
  for (TensorPlan &input : inputs_) {
    input.Write(link);
  }
}

} // namespace mlflow_triton::stub
