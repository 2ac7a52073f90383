// Who holds which references: noted by a worker, read by whoever settles its affairs after its death.
#include <chrono>
#include <thread>
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

// The parent takes data out of memory that was lent to it in milliseconds.
constexpr int kMillisecondsForLent = 5000;

/// Whether a chunk has more references than the process with `mark` noted.
bool IsUsedByOthers(const char *chunk, std::uint64_t mark) {
  const auto note = LoadAt<ReferenceNote>(chunk + kNoteOffset);
  return LoadAt<std::uint32_t>(chunk) > (note.mark() == mark ? note.count : 0);
}

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
  std::size_t dropped = 0;
  for (int waited = 0; DropMarkedNow(mark, &dropped) != 0 && waited < kMillisecondsForLent; ++waited) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return dropped;
}

/// Returns the number of chunks that were left as they are because the other side still uses a block lent from them.
std::size_t Region::DropMarkedNow(std::uint64_t mark, std::size_t *dropped) {
  Lock lock(*this);
  lock.Acquire();
  std::vector<std::pair<Handle, std::uint32_t>> found;
  std::vector<LentBlock> returned;
  std::size_t in_use = 0;
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
      const LentBlock lent = LentIn(chunk, (block.size - 1) * kBlockUnit);
      if (lent.block != kNoHandle && IsUsedByOthers(base_.load() + lent.block, mark)) {
        ++in_use;
      } else {
        found.emplace_back(chunk, note.count);
        if (lent.block != kNoHandle) {
          returned.push_back(lent);
        }
      }
    }
    at += block.size * kBlockUnit;
  }
  for (const LentBlock &lent : returned) {
    TakeBack(lent);
  }
  // Freeing joins blocks, so not before the end of the walk.
  for (const auto &[chunk, count] : found) {
    StoreAt(base_.load() + chunk + kNoteOffset, ReferenceNote{});
    for (std::uint32_t times = 0; times < count; ++times) {
      DropLocked(chunk);
    }
  }
  *dropped += found.size();
  return in_use;
}

} // namespace mlflow_triton::stub
