#include "stub/shm/inline_block.h"

namespace mlflow_triton::stub {

const std::shared_ptr<ChunkReference> &InlineBlock::Lend() {
  if (!lent_ && !is_kept_) {
    const Handle block = tensor_->region().Lend(tensor_->handle(), offset_);
    is_kept_ = block == kNoHandle;
    lent_ = is_kept_ ? nullptr : std::make_shared<ChunkReference>(tensor_->region(), block, tensor_->handle());
  }
  return lent_;
}

} // namespace mlflow_triton::stub
