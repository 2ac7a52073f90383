#include "stub/engine/request_reader.h"

#include "stub/error.h"
#include "stub/gpu/memory.h"

namespace mlflow_triton::stub {
namespace {

/// What a tensor in GPU memory holds on to. The parent frees what a release id names only when it is told that nobody
/// uses it any more (spec section 5.9).
struct GpuHold {
  Link &link;
  std::uint64_t release_id;
  std::shared_ptr<ChunkReference> chunk, memory;
  std::shared_ptr<GpuMemory> data;

  GpuHold(Link &link, std::uint64_t release_id) : link(link), release_id(release_id) {}
  ~GpuHold() {
    data.reset();
    if (release_id != 0) { // 0 would end the parent's thread
      link.memory_manager().Push(static_cast<Handle>(release_id));
    }
  }
  GpuHold(const GpuHold &) = delete;
  GpuHold &operator=(const GpuHold &) = delete;
};

/// Opens the data of a tensor whose memory block, of type GPU, lies `start` bytes into `holder`.
void OpenOnDevice(Link &link, Handle holder, std::size_t start, RegionTensor *tensor) {
  const MemoryLayout &layout = link.protocol().memory;
  const auto block_size = static_cast<std::size_t>(layout.size);
  const char *block = link.region().Payload(holder, block_size, start);
  auto hold = std::make_shared<GpuHold>(link, LoadAt<std::uint64_t>(block + layout.memory_release_id));
  hold->chunk = std::move(tensor->chunk);
  hold->memory = std::move(tensor->memory);
  if (GpuMemory::HasHandle(layout, block)) {
    link.region().Payload(holder, sizeof(IpcHandle), start + block_size); // all of it is inside
  }
  hold->data = GpuMemory::Open(layout, block, CudaPools::Get());
  tensor->data = hold->data->data();
  tensor->gpu = std::move(hold);
}

/// The handles of one request, read before any reference is taken.
struct RequestHandles {
  Handle request = kNoHandle;
  std::vector<Handle> outputs;
  std::vector<Handle> inputs;
  std::vector<Handle> memories; // of the inputs, kNoHandle when inline
};

RequestHandles ReadHandles(Link &link, Handle handle) {
  const RequestLayout &layout = link.protocol().request;
  Region &region = link.region();
  const auto fixed = static_cast<std::size_t>(layout.size);
  const char *at = region.Payload(handle, fixed);
  const auto inputs = LoadAt<std::uint32_t>(at + layout.input_count);
  const auto outputs = LoadAt<std::uint32_t>(at + layout.requested_output_count);
  at = region.Payload(handle, (std::size_t{inputs} + outputs) * sizeof(Handle), fixed);
  RequestHandles handles;
  handles.request = handle;
  for (std::uint32_t index = 0; index < outputs; ++index, at += sizeof(Handle)) {
    handles.outputs.push_back(LoadAt<Handle>(at));
  }
  for (std::uint32_t index = 0; index < inputs; ++index, at += sizeof(Handle)) {
    handles.inputs.push_back(LoadAt<Handle>(at));
    handles.memories.push_back(MemoryHandleOf(link, handles.inputs.back()));
  }
  return handles;
}

void ReadCorrelationId(Link &link, const char *at, InferenceRequest *request) {
  const RequestLayout &layout = link.protocol().request;
  if (layout.correlation_id_handle == kAbsent) {
    request->correlation_id = LoadAt<std::uint64_t>(at + layout.correlation_id);
    return;
  }
  const auto id = *link.region().As<CorrelationIdShm>(LoadAt<Handle>(at + layout.correlation_id_handle));
  if (id.id_type == 1) {
    request->correlation_id = ReadText(link.region(), id.id_string);
  } else {
    request->correlation_id = id.id_uint;
  }
}

void ReadTrace(Link &link, const char *at, InferenceRequest *request) {
  const RequestLayout &layout = link.protocol().request;
  if (layout.trace_handle == kAbsent) {
    request->trace.trace = LoadAt<std::uint64_t>(at + layout.trace_pointer);
    return;
  }
  const auto trace = *link.region().As<TraceShm>(LoadAt<Handle>(at + layout.trace_handle));
  request->trace = InferenceTrace{trace.triton_trace, ReadText(link.region(), trace.trace_context)};
}

/// R1 to R4 keep three inline strings behind the handles: model name, request id, parameters (spec section 3.7).
void ReadInlineStrings(Link &link, Handle handle, std::size_t offset, InferenceRequest *request) {
  for (std::string *text : {&request->model_name, &request->request_id, &request->parameters}) {
    const auto length = LoadAt<TextShm>(link.region().Payload(handle, sizeof(TextShm), offset)).length;
    offset += sizeof(TextShm);
    text->assign(link.region().Payload(handle, length, offset), length);
    offset += length;
  }
}

std::shared_ptr<InferenceRequest> ReadRequest(Link &link, const RequestHandles &handles,
                                              std::shared_ptr<ChunkReference> chunk) {
  const RequestLayout &layout = link.protocol().request;
  Region &region = link.region();
  const char *at = region.Payload(handles.request, static_cast<std::size_t>(layout.size));
  auto request = std::make_shared<InferenceRequest>();
  request->chunk = std::move(chunk);
  request->channel = std::make_shared<Channel>(LoadAt<std::uint64_t>(at + layout.address),
                                               LoadAt<std::uint64_t>(at + layout.response_factory_address));
  request->model_version = LoadAt<std::int64_t>(at + layout.model_version);
  request->flags = LoadAt<std::uint32_t>(at + layout.flags);
  request->timeout = layout.timeout_bytes == 8 ? LoadAt<std::uint64_t>(at + layout.timeout) : 0;
  request->preferred_memory = PreferredMemory{LoadAt<std::int32_t>(at + layout.memory_type),
                                              LoadAt<std::int64_t>(at + layout.memory_device_id)};
  ReadCorrelationId(link, at, request.get());
  ReadTrace(link, at, request.get());
  for (const Handle output : handles.outputs) {
    request->channel->requested_outputs.insert(ReadText(region, output));
  }
  if (layout.model_name_handle == kAbsent) {
    const std::size_t count = handles.inputs.size() + handles.outputs.size();
    ReadInlineStrings(link, handles.request, static_cast<std::size_t>(layout.size) + count * sizeof(Handle),
                      request.get());
  } else {
    request->model_name = ReadText(region, LoadAt<Handle>(at + layout.model_name_handle));
    request->request_id = ReadText(region, LoadAt<Handle>(at + layout.request_id_handle));
    request->parameters = ReadText(region, LoadAt<Handle>(at + layout.parameters_handle));
  }
  return request;
}

} // namespace

std::shared_ptr<ChunkReference> Reference(Region &region, Region::Lock &lock, Handle handle) {
  lock.AddReference(handle);
  return std::make_shared<ChunkReference>(region, handle);
}

Handle MemoryHandleOf(Link &link, Handle tensor) { return link.region().As<TensorShm>(tensor)->memory; }

RegionTensor ReadTensor(Link &link, std::shared_ptr<ChunkReference> chunk, std::shared_ptr<ChunkReference> memory) {
  Region &region = link.region();
  const Handle handle = chunk->handle();
  const TensorShm head = *region.As<TensorShm>(handle);
  if (head.dims_count > kMostTensorDims) {
    throw StubError("a tensor of the shared memory region has " + std::to_string(head.dims_count) + " dimensions");
  }
  RegionTensor tensor;
  tensor.dtype = static_cast<DType>(head.dtype);
  std::size_t offset = sizeof(TensorShm) + head.dims_count * sizeof(std::int64_t);
  const char *at = region.Payload(handle, offset + sizeof(TextShm)) + sizeof(TensorShm);
  for (std::uint64_t index = 0; index < head.dims_count; ++index, at += sizeof(std::int64_t)) {
    tensor.dims.push_back(LoadAt<std::int64_t>(at));
  }
  const std::uint64_t name_length = LoadAt<TextShm>(at).length;
  offset += sizeof(TextShm);
  tensor.name.assign(region.Payload(handle, name_length, offset), name_length);
  offset += name_length;

  const MemoryLayout &layout = link.protocol().memory;
  const auto block_size = static_cast<std::size_t>(layout.size);
  const Handle holder = memory ? memory->handle() : handle;
  const std::size_t start = memory ? 0 : offset;
  const char *block = region.Payload(holder, block_size, start);
  tensor.block_offset = start;
  tensor.memory_type = LoadAt<std::int32_t>(block + layout.memory_type);
  tensor.device_id = LoadAt<std::int64_t>(block + layout.memory_type_id);
  tensor.byte_size = LoadAt<std::uint64_t>(block + layout.byte_size);
  tensor.chunk = std::move(chunk);
  tensor.memory = std::move(memory);
  if (tensor.memory_type == kMemoryGpu) {
    OpenOnDevice(link, holder, start, &tensor);
  } else {
    tensor.data = region.Payload(holder, tensor.byte_size, start + block_size);
  }
  return tensor;
}

std::vector<std::shared_ptr<InferenceRequest>> ReadRequestBatch(Link &link, Handle batch) {
  Region &region = link.region();
  const std::uint32_t count = region.As<RequestBatchShm>(batch)->batch_size;
  const char *list = region.Payload(batch, count * sizeof(Handle), sizeof(RequestBatchShm));
  std::vector<RequestHandles> handles;
  for (std::uint32_t index = 0; index < count; ++index) {
    handles.push_back(ReadHandles(link, LoadAt<Handle>(list + index * sizeof(Handle))));
  }
  struct References {
    std::shared_ptr<ChunkReference> request;
    std::vector<std::shared_ptr<ChunkReference>> inputs, memories;
  };
  std::vector<References> references(handles.size());
  {
    Region::Lock lock(region);
    for (std::size_t index = 0; index < handles.size(); ++index) {
      references[index].request = Reference(region, lock, handles[index].request);
      for (const Handle input : handles[index].inputs) {
        references[index].inputs.push_back(Reference(region, lock, input));
      }
      for (const Handle memory : handles[index].memories) {
        references[index].memories.push_back(memory == kNoHandle ? nullptr : Reference(region, lock, memory));
      }
    }
  }
  std::vector<std::shared_ptr<InferenceRequest>> requests;
  for (std::size_t index = 0; index < handles.size(); ++index) {
    References &own = references[index];
    auto request = ReadRequest(link, handles[index], std::move(own.request));
    for (std::size_t input = 0; input < own.inputs.size(); ++input) {
      request->inputs.push_back(
          Tensor::FromRegion(ReadTensor(link, std::move(own.inputs[input]), std::move(own.memories[input]))));
    }
    requests.push_back(std::move(request));
  }
  return requests;
}

} // namespace mlflow_triton::stub
