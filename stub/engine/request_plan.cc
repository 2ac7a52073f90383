#include "stub/engine/request_plan.h"

#include <array>

#include "stub/error.h"

namespace mlflow_triton::stub {
namespace {

/// What R1 to R4 keep behind the handles of a request (spec section 3.7).
std::array<const std::string *, 3> InlineStrings(const InferenceRequest &request) {
  return {&request.model_name, &request.request_id, &request.parameters};
}

} // namespace

RequestPlan::RequestPlan(std::shared_ptr<InferenceRequest> request) : request_(std::move(request)) {
  for (const auto &input : request_->inputs) {
    inputs_.emplace_back(input);
  }
}

Handle RequestPlan::Allocate(Region::Lock &lock, ChunkSet &chunks, const Protocol &protocol) {
  const RequestLayout &layout = protocol.request;
  const InferenceRequest &request = *request_;
  const auto *text = std::get_if<std::string>(&request.correlation_id);
  if (text != nullptr && layout.correlation_id_handle == kAbsent) {
    throw StubError("A correlation ID that is a string needs Triton 24.04 or newer.");
  }
  handles_.clear();
  for (const std::string &output : request.channel->requested_outputs) {
    handles_.push_back(chunks.AllocateText(lock, output));
  }
  for (TensorPlan &input : inputs_) {
    handles_.push_back(input.Allocate(lock, chunks, protocol));
  }
  std::size_t inline_bytes = 0;
  if (layout.model_name_handle != kAbsent) {
    name_ = chunks.AllocateText(lock, request.model_name);
    id_ = chunks.AllocateText(lock, request.request_id);
    parameters_ = chunks.AllocateText(lock, request.parameters);
    correlation_text_ = chunks.AllocateText(lock, text != nullptr ? *text : std::string());
    correlation_ = chunks.Allocate(lock, sizeof(CorrelationIdShm));
  } else {
    for (const std::string *string : InlineStrings(request)) {
      inline_bytes += sizeof(TextShm) + string->size();
    }
  }
  if (layout.trace_handle != kAbsent) {
    trace_text_ = chunks.AllocateText(lock, request.trace.context);
    trace_ = chunks.Allocate(lock, sizeof(TraceShm));
  }
  size_ = static_cast<std::size_t>(layout.size) + handles_.size() * sizeof(Handle) + inline_bytes;
  fixed_ = chunks.Allocate(lock, size_);
  batch_ = chunks.Allocate(lock, sizeof(RequestBatchShm) + sizeof(Handle));
  return batch_;
}

void RequestPlan::WriteIdentity(Link &link, char *at) const {
  const RequestLayout &layout = link.protocol().request;
  Region &region = link.region();
  const InferenceRequest &request = *request_;
  const auto *number = std::get_if<std::uint64_t>(&request.correlation_id);
  if (layout.correlation_id_handle == kAbsent) {
    StoreAt(at + layout.correlation_id, number != nullptr ? *number : 0);
  } else {
    *region.As<CorrelationIdShm>(correlation_) =
        CorrelationIdShm{correlation_text_, number != nullptr ? *number : 0, number != nullptr ? 0 : 1, 0};
    StoreAt(at + layout.correlation_id_handle, correlation_);
  }
  if (layout.trace_handle == kAbsent) {
    StoreAt(at + layout.trace_pointer, request.trace.trace);
  } else {
    *region.As<TraceShm>(trace_) = TraceShm{trace_text_, request.trace.trace};
    StoreAt(at + layout.trace_handle, trace_);
  }
  if (layout.model_name_handle != kAbsent) {
    StoreAt(at + layout.model_name_handle, name_);
    StoreAt(at + layout.request_id_handle, id_);
    StoreAt(at + layout.parameters_handle, parameters_);
    return;
  }
  char *string_at = at + layout.size + handles_.size() * sizeof(Handle);
  for (const std::string *string : InlineStrings(request)) {
    StoreAt(string_at, TextShm{kNoHandle, string->size()});
    std::memcpy(string_at + sizeof(TextShm), string->data(), string->size());
    string_at += sizeof(TextShm) + string->size();
  }
}

Handle RequestPlan::GpuBuffers(Link &link) const {
  return link.region().As<RequestBatchShm>(batch_)->gpu_buffers_handle;
}

void RequestPlan::Write(Link &link) {
  const RequestLayout &layout = link.protocol().request;
  Region &region = link.region();
  const InferenceRequest &request = *request_;
  const auto fixed = static_cast<std::size_t>(layout.size);
  char *at = region.Payload(fixed_, size_);
  std::memset(at, 0, fixed); // addresses 0: this request is not one of the parent's
  StoreAt(at + layout.input_count, static_cast<std::uint32_t>(inputs_.size()));
  StoreAt(at + layout.requested_output_count, static_cast<std::uint32_t>(handles_.size() - inputs_.size()));
  StoreAt(at + layout.model_version, request.model_version);
  StoreAt(at + layout.flags, request.flags);
  if (layout.timeout_bytes == sizeof(request.timeout)) {
    StoreAt(at + layout.timeout, request.timeout);
  } else {
    StoreAt(at + layout.timeout, static_cast<std::int32_t>(request.timeout));
  }
  StoreAt(at + layout.memory_type, request.preferred_memory.type);
  StoreAt(at + layout.memory_device_id, request.preferred_memory.device_id);
  if (layout.release_flags != kAbsent) {
    StoreAt<std::uint32_t>(at + layout.release_flags, 1);
  }
  WriteIdentity(link, at);
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
