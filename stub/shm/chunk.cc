#include "stub/shm/chunk.h"

#include "stub/shm/chunk_pool.h"

#include <string>

namespace mlflow_triton::stub {
namespace {

thread_local bool release_later = false;

} // namespace

ChunkSet &ChunkSet::operator=(ChunkSet &&other) noexcept {
  if (this != &other) {
    Clear();
    region_ = other.region_;
    chunks_ = std::move(other.chunks_);
    other.chunks_.clear();
  }
  return *this;
}

Handle ChunkSet::Allocate(Region::Lock &lock, std::size_t bytes) {
  chunks_.reserve(chunks_.size() + 1);
  Handle handle = region_->pool().Take(bytes);
  if (handle == kNoHandle) {
    handle = lock.Allocate(ChunkPool::RoundUp(bytes));
  }
  chunks_.push_back({handle, bytes});
  return handle;
}

Handle ChunkSet::AllocateText(Region::Lock &lock, std::string_view text) {
  const Handle container = Allocate(lock, sizeof(TextShm));
  const Handle data = Allocate(lock, text.size());
  *region_->As<TextShm>(container) = TextShm{data, text.size()};
  if (!text.empty()) {
    std::memcpy(region_->Payload(data, text.size()), text.data(), text.size());
  }
  return container;
}

void ChunkSet::Load(Region::Lock &lock, Handle handle) {
  chunks_.reserve(chunks_.size() + 1);
  lock.AddReference(handle);
  chunks_.push_back({handle, kNotOurs});
}

bool ChunkSet::GiveBack(const Chunk &chunk) { return region_->pool().Keep(chunk.handle, chunk.bytes); }

void ChunkSet::Clear() {
  if (chunks_.empty()) {
    return;
  }
  Region::Lock lock(*region_);
  for (const Chunk &chunk : chunks_) {
    if (!GiveBack(chunk)) {
      lock.Release(chunk.handle);
    }
  }
  chunks_.clear();
}

void ChunkSet::ClearLater() {
  for (const Chunk &chunk : chunks_) {
    if (!GiveBack(chunk)) {
      region_->ReleaseLater(chunk.handle);
    }
  }
  chunks_.clear();
}

ChunkReference::~ChunkReference() {
  if (tensor_ != kNoHandle) {
    region_.TakeBackLater(handle_, tensor_);
    if (!release_later) {
      region_.FlushReleases();
    }
  } else if (release_later) {
    region_.ReleaseLater(handle_);
  } else {
    region_.Release(handle_);
  }
}

void ChunkReference::ThisThreadReleasesLater() { release_later = true; }

std::string ReadText(Region &region, Handle container) {
  const TextShm text = *region.As<TextShm>(container);
  if (text.length == 0) {
    return {};
  }
  return std::string(region.Payload(text.data, text.length), text.length);
}

} // namespace mlflow_triton::stub
