#include "stub/shm/chunk_pool.h"

namespace mlflow_triton::stub {

std::size_t ChunkPool::RoundUp(std::size_t bytes) {
  return bytes > kMostBytes ? bytes : (bytes == 0 ? 1 : (bytes + kUnit - 1) / kUnit) * kUnit;
}

Handle ChunkPool::Take(std::size_t bytes) {
  if (bytes > kMostBytes) {
    return kNoHandle;
  }
  std::lock_guard<std::mutex> guard(mutex_);
  auto &kept = kept_[RoundUp(bytes) / kUnit];
  // The oldest is the one that the other side has most probably dropped by now.
  if (kept.empty() || region_.CountOf(kept.front()) != 1) {
    return kNoHandle;
  }
  const Handle chunk = kept.front();
  kept.pop_front();
  return chunk;
}

bool ChunkPool::Keep(Handle chunk, std::size_t bytes) {
  if (bytes > kMostBytes) {
    return false;
  }
  std::lock_guard<std::mutex> guard(mutex_);
  auto &kept = kept_[RoundUp(bytes) / kUnit];
  if (kept.size() >= most_of_one_size_) {
    return false;
  }
  kept.push_back(chunk);
  return true;
}

void ChunkPool::Trim(Region::Lock &lock) {
  std::lock_guard<std::mutex> guard(mutex_);
  for (auto &kept : kept_) {
    std::deque<Handle> in_use;
    for (const Handle chunk : kept) {
      if (region_.CountOf(chunk) == 1) {
        lock.Release(chunk);
      } else {
        in_use.push_back(chunk);
      }
    }
    kept.swap(in_use);
  }
}

} // namespace mlflow_triton::stub
