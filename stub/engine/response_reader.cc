#include "stub/engine/response_reader.h"

#include "stub/engine/request_reader.h"

namespace mlflow_triton::stub {
namespace {

std::shared_ptr<InferenceResponse> ErrorResponse(std::string text, ErrorCode code) {
  auto response = std::make_shared<InferenceResponse>();
  response->error = std::make_shared<TritonError>(TritonError{std::move(text), code});
  return response;
}

std::shared_ptr<InferenceResponse> ReadError(Link &link, const char *at) {
  const ResponseLayout &layout = link.protocol().response;
  if (LoadAt<std::uint8_t>(at + layout.is_error_set) == 0) {
    return ErrorResponse("An error occurred while performing the inference.", ErrorCode::kInternal);
  }
  const ErrorShm error = *link.region().As<ErrorShm>(LoadAt<Handle>(at + layout.error));
  return ErrorResponse(ReadText(link.region(), error.message), static_cast<ErrorCode>(error.code));
}

std::shared_ptr<InferenceResponse> ReadOutputs(Link &link, Handle handle) {
  Region &region = link.region();
  const auto fixed = static_cast<std::size_t>(link.protocol().response.size);
  const auto count = LoadAt<std::uint32_t>(region.Payload(handle, fixed) + link.protocol().response.outputs_size);
  const char *list = region.Payload(handle, fixed + count * sizeof(Handle)) + fixed;
  std::vector<std::pair<Handle, Handle>> tensors; // with their memory chunks
  for (std::uint32_t index = 0; index < count; ++index) {
    const auto tensor = LoadAt<Handle>(list + index * sizeof(Handle));
    tensors.emplace_back(tensor, MemoryHandleOf(link, tensor));
  }
  {
    Region::Lock lock(region);
    for (const auto &[tensor, memory] : tensors) {
      lock.AddReference(tensor);
      if (memory != kNoHandle) {
        lock.AddReference(memory);
      }
    }
  }
  auto response = std::make_shared<InferenceResponse>();
  if (const std::int32_t offset = link.protocol().response.parameters; offset != kAbsent) {
    response->parameters = ReadText(region, LoadAt<Handle>(region.Payload(handle, fixed) + offset));
  }
  for (const auto &[tensor, memory] : tensors) {
    response->outputs.push_back(Tensor::FromRegion(
        ReadTensor(link, std::make_shared<ChunkReference>(region, tensor),
                   memory == kNoHandle ? nullptr : std::make_shared<ChunkReference>(region, memory))));
  }
  return response;
}

} // namespace

ReceivedResponse ReadResponse(Link &link, Handle batch) {
  const BatchLayout &layout = link.protocol().batch;
  Region &region = link.region();
  const auto fixed = static_cast<std::size_t>(layout.size);
  const char *at = region.Payload(batch, fixed + sizeof(Handle));
  ReceivedResponse received;
  if (LoadAt<std::uint8_t>(at + layout.has_error) != 0) {
    const bool has_text = LoadAt<std::uint8_t>(at + layout.is_error_set) != 0;
    received.response = ErrorResponse(has_text ? ReadText(region, LoadAt<Handle>(at + layout.error))
                                               : "An error occurred while performing the inference.",
                                      ErrorCode::kInternal);
    return received;
  }
  const auto handle = LoadAt<Handle>(at + fixed);
  const ResponseLayout &response = link.protocol().response;
  const char *fields = region.Payload(handle, static_cast<std::size_t>(response.size));
  received.is_last = LoadAt<std::uint8_t>(fields + response.is_last_response) != 0;
  received.stream_id = LoadAt<std::uint64_t>(fields + response.id);
  received.response =
      LoadAt<std::uint8_t>(fields + response.has_error) != 0 ? ReadError(link, fields) : ReadOutputs(link, handle);
  return received;
}

} // namespace mlflow_triton::stub
