// Data of a tensor of the parent that other tensors refer to where they lie.
#ifndef STUB_SHM_INLINE_BLOCK_H_
#define STUB_SHM_INLINE_BLOCK_H_

#include <memory>

#include "stub/shm/chunk.h"

namespace mlflow_triton::stub {

/// The memory block that lies in the chunk of a tensor (spec sections 3.5 and 3.6). Either the tensor is passed on as
/// it is, or its data are lent to others, which costs it its name: whatever comes first. Not thread-safe.
class InlineBlock {
public:
  /// The block `offset` bytes into the payload of `tensor`.
  InlineBlock(std::shared_ptr<ChunkReference> tensor, std::size_t offset)
      : tensor_(std::move(tensor)), offset_(offset) {}

  /// From now on the tensor stays as it is. False if it no longer is.
  bool KeepWhole() {
    is_kept_ = is_kept_ || !lent_;
    return is_kept_;
  }

  /// The block as a memory chunk of its own, the same one every time; null where that is not possible.
  const std::shared_ptr<ChunkReference> &Lend();

  /// What `Lend` has made, or null.
  const std::shared_ptr<ChunkReference> &lent() const { return lent_; }

private:
  std::shared_ptr<ChunkReference> tensor_;
  std::size_t offset_;
  bool is_kept_ = false;
  std::shared_ptr<ChunkReference> lent_;
};

} // namespace mlflow_triton::stub

#endif // STUB_SHM_INLINE_BLOCK_H_
