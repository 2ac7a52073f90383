// Device memory of the parent for tests with the fake driver, and how the parent describes it (spec section 3.5).
#ifndef TESTS_STUB_GPU_MEMORY_H_
#define TESTS_STUB_GPU_MEMORY_H_

#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

#include "stub/gpu/memory.h"
#include "stub/shm/region.h"

namespace mlflow_triton::stub {

/// An allocation of the parent on its device. Removed by the destructor.
class DeviceMemory {
public:
  explicit DeviceMemory(std::size_t size)
      : name_("/fake_cuda_" + std::to_string(getpid()) + "_" + std::to_string(++count_)) {
    const int file = shm_open(name_.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
    if (file < 0 || ftruncate(file, static_cast<off_t>(size)) != 0) {
      abort();
    }
    data = static_cast<char *>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    close(file);
  }
  ~DeviceMemory() { shm_unlink(name_.c_str()); }
  DeviceMemory(const DeviceMemory &) = delete;
  DeviceMemory &operator=(const DeviceMemory &) = delete;

  /// What the fake driver opens.
  IpcHandle handle() const {
    IpcHandle handle{};
    std::memcpy(handle.data(), name_.data(), name_.size());
    return handle;
  }

  char *data = nullptr;

private:
  static inline int count_ = 0;
  std::string name_;
};

/// A memory block with a handle behind it, at an odd address: inline blocks follow the tensor's name.
struct Block {
  Block(const MemoryLayout &layout, std::int64_t device, std::uint64_t bytes) : layout(layout) {
    std::memset(space, 0, sizeof(space));
    StoreAt<std::int32_t>(at() + layout.memory_type, kMemoryGpu);
    StoreAt(at() + layout.memory_type_id, device);
    StoreAt(at() + layout.byte_size, bytes);
  }
  Block &InHandle(const DeviceMemory &memory, std::uint64_t offset) {
    StoreAt(at() + layout.gpu_pointer_offset, offset);
    StoreAt(at() + layout.size, memory.handle());
    return *this;
  }
  Block &InPool(std::uint64_t offset) {
    StoreAt<std::uint8_t>(at() + layout.use_cuda_shared_pool, 1);
    StoreAt(at() + layout.cuda_pool_offset, offset);
    return *this;
  }
  Block &OnCpu() {
    StoreAt<std::int32_t>(at() + layout.memory_type, kMemoryCpu);
    return *this;
  }
  Block &ReleasedBy(std::uint64_t id) {
    StoreAt(at() + layout.memory_release_id, id);
    return *this;
  }
  char *at() { return space + 1; }
  std::size_t size() const { return static_cast<std::size_t>(layout.size) + sizeof(IpcHandle); }

  const MemoryLayout &layout;
  char space[128];
};

} // namespace mlflow_triton::stub

#endif // TESTS_STUB_GPU_MEMORY_H_
