// Memory blocks inside tensor chunks that are made to look like chunks of their own.
//
// The other side only ever counts its references to a chunk that it did not make, in the chunk's header, and frees it
// when the count comes to 0. A header in front of an inline block, over the end of the tensor's name, lets it do so
// here; as long as this process keeps the count above 0, the allocator never sees it. The tensor's own chunk has to
// live until nobody but this process counts there.
#include "stub/shm/region.h"

namespace mlflow_triton::stub {
namespace {

constexpr std::uint64_t kTag = std::uint64_t{0x6c656e74} << 32; // "lent", and below it the offset of the block

/// Offset of the tag in the payload of a tensor: the unused first half of the name's header (spec section 3.6).
std::size_t TagOffset(const char *payload) {
  const auto dims = LoadAt<TensorShm>(payload).dims_count;
  return dims > kMostTensorDims ? 0 : sizeof(TensorShm) + dims * sizeof(std::int64_t);
}

} // namespace

Handle Region::Lend(Handle tensor, std::size_t offset) {
  // The tag is 16 bytes before the name, the header has the last 16 bytes before the block.
  const std::size_t tag = TagOffset(Payload(tensor, offset));
  const bool fits = tag != 0 && offset >= tag + sizeof(kTag) + kChunkHeaderSize && offset < kTag;
  if (!fits || offset % kHandleAlignment != 0) {
    return kNoHandle;
  }
  Lock lock(*this);
  lock.AddReference(tensor);
  char *payload = base_.load() + tensor + kChunkHeaderSize;
  char *head = payload + offset - kChunkHeaderSize;
  std::memset(head, 0, kChunkHeaderSize);
  StoreAt<std::uint32_t>(head, 1);
  Note(head, 1);
  StoreAt(payload + tag, kTag | offset);
  return tensor + static_cast<Handle>(offset);
}

void Region::TakeBackLater(Handle block, Handle tensor) {
  std::lock_guard<std::mutex> guard(pending_mutex_);
  lent_.push_back({block, tensor});
  has_pending_.store(true, std::memory_order_release);
}

void Region::TakeBack(const LentBlock &lent) {
  // The memory may become anybody's: nothing in it may look like a header or a tag.
  char *payload = base_.load() + lent.tensor + kChunkHeaderSize;
  std::memset(base_.load() + lent.block, 0, kChunkHeaderSize);
  StoreAt(payload + TagOffset(payload), std::uint64_t{0});
}

Region::LentBlock Region::LentIn(Handle chunk, std::uint64_t bytes) {
  if (bytes < kChunkHeaderSize + sizeof(TensorShm)) {
    return {};
  }
  const char *payload = base_.load() + chunk + kChunkHeaderSize;
  const std::size_t tag = TagOffset(payload);
  if (tag == 0 || bytes < kChunkHeaderSize + tag + sizeof(kTag)) {
    return {};
  }
  const auto word = LoadAt<std::uint64_t>(payload + tag);
  const std::uint64_t offset = word & 0xffffffff;
  const bool is_tag = (word & ~std::uint64_t{0xffffffff}) == kTag && offset + kChunkHeaderSize <= bytes &&
                      offset >= tag + sizeof(kTag) + kChunkHeaderSize;
  return is_tag ? LentBlock{chunk + static_cast<Handle>(offset), chunk} : LentBlock{};
}

} // namespace mlflow_triton::stub
