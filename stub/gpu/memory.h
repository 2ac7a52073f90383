// A memory block of the region whose data lie in GPU memory (spec section 3.5).
#ifndef STUB_GPU_MEMORY_H_
#define STUB_GPU_MEMORY_H_

#include <cstdint>
#include <memory>

#include "stub/gpu/pools.h"
#include "stub/protocol/revision_layout.h"

namespace mlflow_triton::stub {

/// Memory types of the wire (spec section 3.5).
constexpr std::int32_t kMemoryCpu = 0;
constexpr std::int32_t kMemoryGpu = 2;

/// Device memory of the parent, open in this process until the object dies.
class GpuMemory {
public:
  /// Opens the memory of `block`, which is of type GPU, holds `layout` and, outside of a pool, a CUDA IPC handle, and
  /// need not be aligned; nothing is read of it later. `byte_size` 0 opens nothing. Throws StubError.
  static std::shared_ptr<GpuMemory> Open(const MemoryLayout &layout, const char *block, CudaPools &pools);
  ~GpuMemory();
  GpuMemory(const GpuMemory &) = delete;
  GpuMemory &operator=(const GpuMemory &) = delete;

  /// True when a block of GPU memory is followed by a handle.
  static bool HasHandle(const MemoryLayout &layout, const char *block);

  /// Null for no bytes.
  char *data() const { return data_; }
  std::int64_t device() const { return device_; }
  std::size_t byte_size() const { return byte_size_; }

private:
  explicit GpuMemory(Cuda &cuda) : cuda_(cuda) {}

  Cuda &cuda_;
  std::int64_t device_ = 0;
  std::size_t byte_size_ = 0;
  char *opened_ = nullptr; // base to close; null for memory of a pool
  char *data_ = nullptr;
};

} // namespace mlflow_triton::stub

#endif // STUB_GPU_MEMORY_H_
