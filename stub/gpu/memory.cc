#include "stub/gpu/memory.h"

#include <cstring>

#include "stub/error.h"
#include "stub/shm/region.h"

namespace mlflow_triton::stub {

bool GpuMemory::HasHandle(const MemoryLayout &layout, const char *block) {
  const bool in_pool =
      layout.use_cuda_shared_pool != kAbsent && LoadAt<std::uint8_t>(block + layout.use_cuda_shared_pool) != 0;
  return !in_pool && LoadAt<std::uint64_t>(block + layout.byte_size) != 0;
}

std::shared_ptr<GpuMemory> GpuMemory::Open(const MemoryLayout &layout, const char *block, CudaPools &pools) {
  std::shared_ptr<GpuMemory> memory(new GpuMemory(pools.cuda()));
  memory->device_ = LoadAt<std::int64_t>(block + layout.memory_type_id);
  memory->byte_size_ = LoadAt<std::uint64_t>(block + layout.byte_size);
  if (memory->byte_size_ == 0) {
    return memory;
  }
  if (!HasHandle(layout, block)) {
    memory->data_ = pools.BaseOf(memory->device_) + LoadAt<std::uint64_t>(block + layout.cuda_pool_offset);
    return memory;
  }
  IpcHandle handle;
  std::memcpy(handle.data(), block + layout.size, handle.size());
  memory->opened_ = memory->cuda_.OpenIpc(handle, memory->device_);
  memory->data_ = memory->opened_ + LoadAt<std::uint64_t>(block + layout.gpu_pointer_offset);
  return memory;
}

GpuMemory::~GpuMemory() {
  if (opened_ != nullptr) {
    try {
      cuda_.CloseIpc(opened_, device_);
    } catch (const StubError &) {
      // The driver is going down with the process.
    }
  }
}

} // namespace mlflow_triton::stub
