// Requests and tensors out of the region (spec sections 3.5 to 3.10).
#ifndef STUB_ENGINE_REQUEST_READER_H_
#define STUB_ENGINE_REQUEST_READER_H_

#include <memory>
#include <vector>

#include "stub/ipc/link.h"
#include "stub/python/request.h"

namespace mlflow_triton::stub {

/// The requests of a batch. Strings are copied; tensors stay where they are. One lock operation takes a reference on
/// every request and tensor chunk, so that they stay valid even if the parent gives the batch up (spec section 7.4).
std::vector<std::shared_ptr<InferenceRequest>> ReadRequestBatch(Link &link, Handle batch);

/// One tensor whose chunk reference (and that of a separate memory chunk) the caller has already taken. Opens data in
/// GPU memory. Throws StubError.
RegionTensor ReadTensor(Link &link, std::shared_ptr<ChunkReference> chunk, std::shared_ptr<ChunkReference> memory);

/// Takes one more reference to a chunk. Throws StubError as `AddReference`.
std::shared_ptr<ChunkReference> Reference(Region &region, Region::Lock &lock, Handle handle);

/// Handle of the separate memory chunk of a tensor, or none when the block is inline.
Handle MemoryHandleOf(Link &link, Handle tensor);

} // namespace mlflow_triton::stub

#endif // STUB_ENGINE_REQUEST_READER_H_
