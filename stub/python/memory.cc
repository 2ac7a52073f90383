#include "stub/python/memory.h"

#include <malloc.h>
#include <mutex>
#include <utility>
#include <vector>

#include "stub/python/py.h"

namespace mlflow_triton::stub {
namespace {

// DEFAULT_MMAP_THRESHOLD_MAX of glibc on 64-bit machines, and twice that: where its own adaptation ends (mallopt(3)).
constexpr int kMapFrom = 32 << 20;
constexpr int kTrimFrom = 64 << 20;

constexpr std::size_t kKeptBytes = std::size_t{32} << 20;

/// Arenas that Python gave back, for the next time it wants some. All have the same size.
class ArenaCache {
public:
  explicit ArenaCache(const PyObjectArenaAllocator &system) : system_(system) {}

  void *Take(std::size_t size) {
    {
      std::lock_guard<std::mutex> guard(mutex_);
      if (size == size_ && !free_.empty()) {
        void *arena = free_.back();
        free_.pop_back();
        return arena;
      }
    }
    return system_.alloc(system_.ctx, size);
  }

  void Give(void *arena, std::size_t size) {
    {
      std::lock_guard<std::mutex> guard(mutex_);
      size_ = size_ == 0 ? size : size_;
      if (size == size_ && (free_.size() + 1) * size <= kKeptBytes) {
        free_.push_back(arena);
        return;
      }
    }
    system_.free(system_.ctx, arena, size);
  }

private:
  PyObjectArenaAllocator system_;
  std::mutex mutex_;
  std::size_t size_ = 0;
  std::vector<void *> free_;
};

} // namespace

void KeepFreedMemory() {
  mallopt(M_MMAP_THRESHOLD, kMapFrom);
  mallopt(M_TRIM_THRESHOLD, kTrimFrom);
}

void KeepPythonArenas() {
  PyObjectArenaAllocator allocator{};
  PyObject_GetArenaAllocator(&allocator);
  allocator.ctx = new ArenaCache(allocator); // used until the process ends
  allocator.alloc = [](void *cache, std::size_t size) { return static_cast<ArenaCache *>(cache)->Take(size); };
  allocator.free = [](void *cache, void *arena, std::size_t size) {
    static_cast<ArenaCache *>(cache)->Give(arena, size);
  };
  PyObject_SetArenaAllocator(&allocator);
}

} // namespace mlflow_triton::stub
