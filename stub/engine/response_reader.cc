#include "stub/engine/response_reader.h"

#include "stub/engine/request_reader.h"

namespace mlflow_triton::stub {
namespace {

std::shared_ptr<InferenceResponse> ResponseWithError(std::string text, ErrorCode code) {
  auto response = std::make_shared<InferenceResponse>();
  response->error = std::make_shared<TritonError>(TritonError{std::move(text), code});
  return response;
}

std::shared_ptr<InferenceResponse> ReadError(Link &link, const char *at) {
  const ResponseLayout &layout = link.protocol().response;
  if (LoadAt<std::uint8_t>(at + layout.is_error_set) == 0) {
    return ResponseWithError("An error occurred while performing the inference.", ErrorCode::kInternal);
  }
  const ErrorShm error = *link.region().As<ErrorShm>(LoadAt<Handle>(at + layout.error));
  return ResponseWithError(ReadText(link.region(), error.message), static_cast<ErrorCode>(error.code));
}

std::shared_ptr<InferenceResponse> ReadOutputs(Link &link, Handle handle) {
  Region &region = link.region();
  const auto fixed = static_cast<std::size_t>(link.protocol().response.size);
  const auto count = LoadAt<std::uint32_t>(region.Payload(handle, fixed) + link.protocol().response.outputs_size);
  const char *list = region.Payload(handle, count * sizeof(Handle), fixed);
  std::vector<std::pair<Handle, Handle>> tensors; // with their memory chunks
  for (std::uint32_t index = 0; index < count; ++index) {
    const auto tensor = LoadAt<Handle>(list + index * sizeof(Handle));
    tensors.emplace_back(tensor, MemoryHandleOf(link, tensor));
  }
  struct References {
    std::shared_ptr<ChunkReference> tensor, memory;
  };
  std::vector<References> references(tensors.size()); // dropped again, after the lock, when one of them cannot be had
  {
    Region::Lock lock(region);
    for (std::size_t index = 0; index < tensors.size(); ++index) {
      const auto &[tensor, memory] = tensors[index];
      references[index].tensor = Reference(region, lock, tensor);
      references[index].memory = memory == kNoHandle ? nullptr : Reference(region, lock, memory);
    }
  }
  auto response = std::make_shared<InferenceResponse>();
  if (const std::int32_t offset = link.protocol().response.parameters; offset != kAbsent) {
    response->parameters = ReadText(region, LoadAt<Handle>(region.Payload(handle, fixed) + offset));
  }
  for (References &own : references) {
    response->outputs.push_back(Tensor::FromRegion(ReadTensor(link, std::move(own.tensor), std::move(own.memory))));
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
    received.response = ResponseWithError(has_text ? ReadText(region, LoadAt<Handle>(at + layout.error))
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
