// Who holds which references: noted by a worker, read by whoever settles its affairs after its death.
#include <utility>

#include "stub/shm/region.h"

namespace mlflow_triton::stub {
namespace {

/// References that one process holds to a chunk, in the 12 bytes behind its count.
struct ReferenceNote {
  std::uint32_t count = 0;
  std::uint32_t mark_low = 0, mark_high = 0; // in halves: the note is not aligned for more

  std::uint64_t mark() const { return (std::uint64_t{mark_high} << 32) | mark_low; }
  static ReferenceNote Of(std::uint64_t mark) {
    return ReferenceNote{0, static_cast<std::uint32_t>(mark), static_cast<std::uint32_t>(mark >> 32)};
  }
};
constexpr std::size_t kNoteOffset = 4;
static_assert(kNoteOffset + sizeof(ReferenceNote) == kChunkHeaderSize);

/// What Boost's allocator keeps in front of every block (rbtree_best_fit, 16-byte units; the same in Boost 1.79 to
/// 1.84). The user's memory starts behind it; its last 8 bytes are the next block's `previous_size`.
struct BlockHeader {
  std::uint64_t previous_size;
  std::uint64_t size : 62;
  std::uint64_t previous_allocated : 1;
  std::uint64_t allocated : 1;
};
static_assert(sizeof(BlockHeader) == 16);
constexpr std::uint64_t kBlockUnit = 16;

} // namespace

void Region::Note(char *chunk, int change) {
  if (mark_ == 0) {
    return;
  }
  auto noted = LoadAt<ReferenceNote>(chunk + kNoteOffset);
  if (noted.mark() != mark_) {
    noted = ReferenceNote::Of(mark_); // whatever lay there
  }
  noted.count += static_cast<std::uint32_t>(change);
  // Nobody's mark must stay in memory that is freed.
  StoreAt(chunk + kNoteOffset, noted.count == 0 ? ReferenceNote{} : noted);
}

std::size_t Region::DropMarked(std::uint64_t mark) {
  Lock lock(*this);
  lock.Acquire();
  std::vector<std::pair<Handle, std::uint32_t>> found;
  // The allocator's blocks lie one behind the other; the first that is a chunk of ours is the control block.
  auto at = static_cast<std::uint64_t>(first_chunk_) - sizeof(BlockHeader);
  while (at + sizeof(BlockHeader) + kChunkHeaderSize < size()) {
    const auto block = LoadAt<BlockHeader>(base_.load() + at);
    if (block.size == 0) {
      break; // the end, or what a process that died in the allocator left
    }
    const auto chunk = static_cast<Handle>(at + sizeof(BlockHeader));
    const auto note = LoadAt<ReferenceNote>(base_.load() + chunk + kNoteOffset);
    if (block.allocated != 0 && note.mark() == mark && note.count != 0) {
      found.emplace_back(chunk, note.count);
    }
    at += block.size * kBlockUnit;
  }
  // Freeing joins blocks, so not before the end of the walk.
  for (const auto &[chunk, count] : found) {
    StoreAt(base_.load() + chunk + kNoteOffset, ReferenceNote{});
    for (std::uint32_t dropped = 0; dropped < count; ++dropped) {
      DropLocked(chunk);
    }
  }
  return found.size();
}

} // namespace mlflow_triton::stub
