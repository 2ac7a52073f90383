// Chunks that are used again instead of being freed and allocated (spec section 7.3).
#ifndef STUB_SHM_CHUNK_POOL_H_
#define STUB_SHM_CHUNK_POOL_H_

#include <array>
#include <cstddef>
#include <deque>
#include <mutex>

#include "stub/shm/region.h"

namespace mlflow_triton::stub {

/// Small chunks of this process that are done with, by size. A process that finds what it needs here takes no
/// `shm_mutex` and leaves the allocator alone, so it waits less, and there is less that it can break by dying.
/// Thread-safe.
class ChunkPool {
public:
  /// Bytes of payload of the largest chunk that is kept.
  static constexpr std::size_t kMostBytes = 2048;

  explicit ChunkPool(Region &region) : region_(region) {}
  ChunkPool(const ChunkPool &) = delete;
  ChunkPool &operator=(const ChunkPool &) = delete;

  /// Bytes to allocate for a chunk that can come back here.
  static std::size_t RoundUp(std::size_t bytes);

  /// A chunk with room for `bytes`, whose one reference is ours and becomes the caller's; none if there is none. Its
  /// content is whatever was there.
  Handle Take(std::size_t bytes);

  /// Takes over the caller's reference to a chunk of `RoundUp(bytes)`; false if there are enough of them. The other
  /// side may still hold references.
  bool Keep(Handle chunk, std::size_t bytes);

  /// From now on nothing is kept: for processes that do not live long.
  void KeepNothing() { most_of_one_size_ = 0; }

  /// Frees all chunks that the other side is done with.
  void Trim(Region::Lock &lock);

private:
  static constexpr std::size_t kUnit = 64;

  Region &region_;
  std::size_t most_of_one_size_ = 256;
  std::mutex mutex_;
  std::array<std::deque<Handle>, kMostBytes / kUnit + 1> kept_; // oldest first
};

} // namespace mlflow_triton::stub

#endif // STUB_SHM_CHUNK_POOL_H_
