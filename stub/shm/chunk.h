// Owners of references to chunks.
#ifndef STUB_SHM_CHUNK_H_
#define STUB_SHM_CHUNK_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "stub/shm/region.h"

namespace mlflow_triton::stub {

/// A set of references that are dropped together, under one lock at most, when the set dies. Small chunks that it has
/// allocated are kept for the next set.
class ChunkSet {
public:
  explicit ChunkSet(Region &region) : region_(&region) {}
  ~ChunkSet() { Clear(); }
  ChunkSet(ChunkSet &&other) noexcept : region_(other.region_), chunks_(std::move(other.chunks_)) {
    other.chunks_.clear();
  }
  ChunkSet &operator=(ChunkSet &&other) noexcept;
  ChunkSet(const ChunkSet &) = delete;
  ChunkSet &operator=(const ChunkSet &) = delete;

  /// Allocates a chunk that the set owns.
  Handle Allocate(Region::Lock &lock, std::size_t bytes);

  /// Allocates a string container and its data (spec section 3.4) and copies `text`.
  Handle AllocateText(Region::Lock &lock, std::string_view text);

  /// Takes one more reference to a chunk of somebody else.
  void Load(Region::Lock &lock, Handle handle);

  /// Takes over a reference that the caller holds.
  void Adopt(Handle handle) { chunks_.push_back({handle, kNotOurs}); }

  /// Drops everything now.
  void Clear();

  /// Drops everything at the next lock operation.
  void ClearLater();

  bool empty() const { return chunks_.empty(); }
  Region &region() const { return *region_; }

private:
  /// A reference, and for chunks that were allocated here how many bytes were asked for.
  struct Chunk {
    Handle handle;
    std::size_t bytes;
  };
  static constexpr std::size_t kNotOurs = ~std::size_t{0};
  bool GiveBack(const Chunk &chunk);

  Region *region_;
  std::vector<Chunk> chunks_;
};

/// One counted reference, shared by whatever in this process uses the chunk: a tensor, NumPy arrays over its data,
/// DLPack capsules. The thread that runs requests drops it with its next lock operation, others at once.
class ChunkReference {
public:
  /// Takes over a reference that the caller holds.
  ChunkReference(Region &region, Handle handle) : region_(region), handle_(handle) {}
  /// Takes over what `Region::Lend` made of `tensor`.
  ChunkReference(Region &region, Handle lent, Handle tensor) : region_(region), handle_(lent), tensor_(tensor) {}
  ~ChunkReference();
  ChunkReference(const ChunkReference &) = delete;
  ChunkReference &operator=(const ChunkReference &) = delete;
  Handle handle() const { return handle_; }
  Region &region() const { return region_; }

  /// Declares the calling thread the one that runs requests.
  static void ThisThreadReleasesLater();

private:
  Region &region_;
  Handle handle_;
  Handle tensor_ = kNoHandle;
};

/// Copy of the string of a string container (spec section 3.4).
std::string ReadText(Region &region, Handle container);

} // namespace mlflow_triton::stub

#endif // STUB_SHM_CHUNK_H_
