#include "stub/engine/response_plan.h"

#include "stub/error.h"
#include "stub/shm/copy.h"

namespace mlflow_triton::stub {

TensorPlan::TensorPlan(std::shared_ptr<Tensor> tensor)
    : tensor_(std::move(tensor)), forwarded_(tensor_->Forward()),
      shared_(forwarded_ == kNoHandle ? tensor_->memory() : nullptr) {
  if (forwarded_ != kNoHandle) {
    return;
  }
  if (!tensor_->is_cpu()) {
    // Without data it goes as one of the CPU: there is nothing to have a buffer for.
    on_device_ = !tensor_->Bytes().empty();
    return;
  }
  if (tensor_->dtype() == DType::kBytes) {
    objects_.emplace(py::reinterpret_borrow<py::array>(tensor_->array()));
    data_bytes_ = objects_->bytes().size();
  } else if (!shared_) {
    data_bytes_ = tensor_->Bytes().size();
  }
}

std::size_t TensorPlan::HeaderSize() const {
  return sizeof(TensorShm) + tensor_->dims().size() * sizeof(std::int64_t) + sizeof(TextShm) + tensor_->name().size();
}

Handle TensorPlan::Allocate(Region::Lock &lock, ChunkSet &chunks, const Protocol &protocol) {
  if (forwarded_ != kNoHandle) {
    // The model may drop the tensor before the parent has read it.
    chunks.Load(lock, forwarded_);
    return forwarded_;
  }
  if (tensor_->dtype() == DType::kBf16 && !protocol.knows_bf16) {
    throw StubError("Tensor '" + tensor_->name() + "' is of type BF16, which needs Triton 24.08 or newer.");
  }
  if (shared_) {
    // The data lie in a memory chunk already: the tensor only refers to it.
    memory_ = shared_->handle();
    chunks.Load(lock, memory_);
    handle_ = chunks.Allocate(lock, HeaderSize());
    return handle_;
  }
  // Room for a CUDA IPC handle, which the parent does not read.
  const std::size_t behind = on_device_ ? sizeof(IpcHandle) : data_bytes_;
  handle_ = chunks.Allocate(lock, HeaderSize() + static_cast<std::size_t>(protocol.memory.size) + behind);
  return handle_;
}

void TensorPlan::Write(Link &link) const {
  if (handle_ == kNoHandle) {
    return;
  }
  const MemoryLayout &memory = link.protocol().memory;
  const auto block_size = memory_ != kNoHandle ? 0 : static_cast<std::size_t>(memory.size);
  char *at = link.region().Payload(handle_, HeaderSize() + block_size + data_bytes_);
  TensorShm head{};
  head.memory = memory_;
  head.dtype = static_cast<std::int32_t>(tensor_->dtype());
  head.dims_count = tensor_->dims().size();
  StoreAt(at, head);
  at += sizeof(head);
  for (const std::int64_t dim : tensor_->dims()) {
    StoreAt(at, dim);
    at += sizeof(dim);
  }
  StoreAt(at, TextShm{kNoHandle, tensor_->name().size()});
  at += sizeof(TextShm);
  std::memcpy(at, tensor_->name().data(), tensor_->name().size());
  at += tensor_->name().size();
  if (memory_ != kNoHandle) {
    return;
  }
  std::memset(at, 0, block_size); // memory type 0: CPU
  if (on_device_) {
    StoreAt(at + memory.memory_type, kMemoryGpu);
    StoreAt<std::int64_t>(at + memory.memory_type_id, tensor_->device_id());
    StoreAt<std::uint64_t>(at + memory.byte_size, tensor_->Bytes().size());
    return;
  }
  StoreAt<std::uint64_t>(at + memory.byte_size, data_bytes_);
  at += block_size;
  if (data_bytes_ != 0) {
    CopyData(at, objects_ ? objects_->bytes().data() : tensor_->Bytes().data(), data_bytes_);
  }
}

DeviceSpan SpanOf(const Tensor &tensor) {
  return DeviceSpan{tensor.Bytes().data(), tensor.Bytes().size(), tensor.device_id()};
}

std::vector<DeviceSpan> GpuSourcesOf(const std::vector<TensorPlan> &plans) {
  std::vector<DeviceSpan> sources;
  for (const TensorPlan &plan : plans) {
    if (plan.needs_gpu_buffer()) {
      sources.push_back(SpanOf(*plan.tensor()));
    }
  }
  return sources;
}

ResponsePlan::ResponsePlan(const InferenceResponse &response, const std::set<std::string> &requested)
    : parameters_(response.parameters) {
  if (response.error) {
    error_.emplace(response.error->message, static_cast<std::int32_t>(response.error->code));
    return;
  }
  tensors_.reserve(response.outputs.size());
  for (const auto &tensor : response.outputs) {
    if (requested.empty() || requested.count(tensor->name()) != 0) {
      tensors_.emplace_back(tensor);
    }
  }
}

std::size_t ResponsePlan::data_bytes() const {
  std::size_t bytes = 0;
  for (const TensorPlan &tensor : tensors_) {
    bytes += tensor.data_bytes();
  }
  return bytes;
}

void ResponsePlan::AddGpuTensors(std::vector<std::shared_ptr<Tensor>> *tensors) const {
  for (const TensorPlan &plan : tensors_) {
    if (plan.needs_gpu_buffer()) {
      tensors->push_back(plan.tensor());
    }
  }
}

Handle ResponsePlan::Allocate(Region::Lock &lock, ChunkSet &chunks, const Protocol &protocol) {
  if (error_) {
    return error_->Allocate(lock, chunks, protocol);
  }
  outputs_.clear();
  for (TensorPlan &tensor : tensors_) {
    outputs_.push_back(tensor.Allocate(lock, chunks, protocol));
  }
  handle_ = chunks.Allocate(lock, static_cast<std::size_t>(protocol.response.size) + outputs_.size() * sizeof(Handle));
  if (protocol.response.parameters != kAbsent) {
    // The parent reads it of every good response (spec section 3.11).
    parameters_handle_ = chunks.AllocateText(lock, parameters_);
  }
  return handle_;
}

void ResponsePlan::Write(Link &link) const {
  if (error_) {
    error_->Write(link);
    return;
  }
  const ResponseLayout &layout = link.protocol().response;
  const auto fixed = static_cast<std::size_t>(layout.size);
  char *at = link.region().Payload(handle_, fixed + outputs_.size() * sizeof(Handle));
  std::memset(at, 0, fixed);
  StoreAt<std::uint32_t>(at + layout.outputs_size, static_cast<std::uint32_t>(outputs_.size()));
  StoreAt<std::uint8_t>(at + layout.is_last_response, 1);
  if (layout.parameters != kAbsent) {
    StoreAt(at + layout.parameters, parameters_handle_);
  }
  for (std::size_t index = 0; index < outputs_.size(); ++index) {
    StoreAt(at + fixed + index * sizeof(Handle), outputs_[index]);
    tensors_[index].Write(link);
  }
}

} // namespace mlflow_triton::stub
