// The region shared with the parent (spec section 2): mapping, growth, allocation, reference counts.
#ifndef STUB_SHM_REGION_H_
#define STUB_SHM_REGION_H_

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "stub/protocol/layout.h"

namespace mlflow_triton::stub {

class ChunkPool;

/// Handles are multiples of this: chunks are aligned to 16 bytes (spec section 2.3), lent blocks to 8.
constexpr Handle kHandleAlignment = 8;

/// Reads a value at any alignment.
template <typename T> T LoadAt(const char *address) {
  T value;
  std::memcpy(&value, address, sizeof(T));
  return value;
}

/// Writes a value at any alignment.
template <typename T> void StoreAt(char *address, T value) { std::memcpy(address, &value, sizeof(T)); }

/// One mapped region. The object is mapped at the start of a large reserved address range and grows in place, so
/// pointers into it stay valid for its whole life. Thread-safe.
class Region {
public:
  class Lock;

  /// Opens the existing object `name` (no leading slash). `growth_step` is argv[4]; `control` is argv[7], which tells
  /// where the named objects must be. Throws StubError when the object is missing or not laid out as expected.
  static std::unique_ptr<Region> Open(const std::string &name, std::uint64_t growth_step, Handle control);

  ~Region();
  Region(const Region &) = delete;
  Region &operator=(const Region &) = delete;

  /// Address of the payload of chunk `handle`, or of what lies `offset` bytes in it; at least `bytes` are read there.
  /// Follows growth by the parent. Throws StubError when that reaches outside the region, whatever the numbers.
  char *Payload(Handle handle, std::size_t bytes = 1, std::size_t offset = 0);

  /// The same as a structure.
  template <typename T> T *As(Handle handle) { return reinterpret_cast<T *>(Payload(handle, sizeof(T))); }

  /// References that both sides hold to a chunk. Throws StubError as `Payload`.
  std::uint32_t CountOf(Handle handle);

  /// True when `handle` can be a live chunk: aligned, inside, with a small positive count (spec section 7.4).
  bool IsPlausible(Handle handle);

  /// Drops one reference at the next lock operation. Cheap; for the thread that soon takes the lock anyway.
  void ReleaseLater(Handle handle);

  /// Drops one reference now.
  void Release(Handle handle);

  /// Drops what `ReleaseLater` and `TakeBackLater` collected, if anything.
  void FlushReleases();

  /// Makes the memory block `offset` bytes into the payload of the tensor chunk `tensor`, behind the tensor's name,
  /// look like a chunk of its own, at the price of the name. It belongs to the caller, who also holds the tensor by it.
  /// None where the name is too short or the block not aligned to 8 bytes.
  Handle Lend(Handle tensor, std::size_t offset);

  /// Gives back what `Lend` made of `tensor`, as soon as nobody else counts references there.
  void TakeBackLater(Handle block, Handle tensor);

  /// Chunks of this process for further use.
  ChunkPool &pool() { return *pool_; }

  /// Free bytes of the allocator, after flushing, with nothing kept for further use.
  std::uint64_t FreeBytes();

  /// Bytes mapped at present.
  std::uint64_t size() const { return size_.load(std::memory_order_acquire); }

  /// Removes the name of the object.
  void Unlink();

  /// From now on notes, in the unused part of each chunk's header (spec section 2.3), how many references this process
  /// holds, under `mark`: a number that no other process uses, not 0.
  void MarkReferences(std::uint64_t mark) { mark_ = mark; }

  /// Unlocks `shm_mutex` if its owner is dead. What that did to the allocator is not known; it is in there for less
  /// than a microsecond at a time. Returns whether it was so.
  bool UnlockIfAbandoned();

  /// Drops every reference that a dead process noted under `mark`. Returns the number of chunks that had some.
  std::size_t DropMarked(std::uint64_t mark);

private:
  class Segment;
  struct LentBlock {
    Handle block = kNoHandle;
    Handle tensor = kNoHandle;
  };
  Region(std::string name, int fd, std::uint64_t growth_step);

  pthread_mutex_t *mutex() { return reinterpret_cast<pthread_mutex_t *>(base_.load() + mutex_offset_); }
  void MapAll(std::uint64_t size); // first mapping
  void Extend(std::uint64_t size); // mutex held
  void FindNamedObjects(Handle control);
  void Resynchronise();                                // mutex held
  void Grow(std::uint64_t needed);                     // mutex held
  void DropLocked(Handle handle);                      // mutex held
  void DropPending();                                  // mutex held
  void Note(char *chunk, int change);                  // mutex held
  void TakeBack(const LentBlock &lent);                // mutex held
  LentBlock LentIn(Handle chunk, std::uint64_t bytes); // mutex held
  std::size_t DropMarkedNow(std::uint64_t mark, std::size_t *dropped);

  std::string name_;
  int fd_;
  std::uint64_t growth_step_;
  std::atomic<char *> base_{nullptr};
  std::atomic<std::uint64_t> size_{0};
  std::uint64_t reserved_ = 0;
  std::unique_ptr<Segment> segment_;
  std::unique_ptr<ChunkPool> pool_;
  std::uint64_t mutex_offset_ = 0;
  std::uint64_t total_offset_ = 0;
  std::uint64_t mark_ = 0;
  Handle first_chunk_ = kNoHandle;
  std::mutex pending_mutex_;
  std::vector<Handle> pending_;
  std::vector<LentBlock> lent_; // to be taken back
  std::atomic<bool> has_pending_{false};
};

/// Holds `shm_mutex` from its first operation to the end of a scope: all allocation and counting happens through it,
/// many operations under one lock. Nothing that can block may happen while it lives (spec section 2.2).
class Region::Lock {
public:
  explicit Lock(Region &region) : region_(region) {}
  ~Lock();
  Lock(const Lock &) = delete;
  Lock &operator=(const Lock &) = delete;

  /// New chunk with count 1 and `bytes` of payload, not cleared. Grows the region when needed; throws StubError when
  /// that fails.
  Handle Allocate(std::size_t bytes);
  /// The same, but none rather than growing where little shared memory is left: for what can do without.
  Handle AllocateIfRoomy(std::size_t bytes);
  /// Throws StubError when `handle` is no live chunk: dropping the reference again would hand foreign memory to the
  /// allocator.
  void AddReference(Handle handle);
  void Release(Handle handle);
  /// Takes the lock now, follows growth by the other side, and drops what waits to be dropped.
  void Acquire();

private:
  Region &region_;
  bool held_ = false;
};

} // namespace mlflow_triton::stub

#endif // STUB_SHM_REGION_H_
