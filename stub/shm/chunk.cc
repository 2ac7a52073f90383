#include "stub/shm/chunk.h"

#include <string>

namespace mlflow_triton::stub {
namespace {

thread_local bool release_later = false;

} // namespace

ChunkSet &ChunkSet::operator=(ChunkSet &&other) noexcept {
  if (this != &other) {
    Clear();
    region_ = other.region_;
    handles_ = std::move(other.handles_);
    other.handles_.clear();
  }
  return *this;
}

Handle ChunkSet::Allocate(Region::Lock &lock, std::size_t bytes) {
  handles_.reserve(handles_.size() + 1);
  handles_.push_back(lock.Allocate(bytes));
  return handles_.back();
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
  handles_.reserve(handles_.size() + 1);
  lock.AddReference(handle);
  handles_.push_back(handle);
}

void ChunkSet::Clear() {
  if (handles_.empty()) {
    return;
  }
  Region::Lock lock(*region_);
  for (const Handle handle : handles_) {
    lock.Release(handle);
  }
  handles_.clear();
}

void ChunkSet::ClearLater() {
  for (const Handle handle : handles_) {
    region_->ReleaseLater(handle);
  }
  handles_.clear();
}

ChunkReference::~ChunkReference() {
  if (release_later) {
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
