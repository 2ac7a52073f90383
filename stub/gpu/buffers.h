// The parent's buffers for tensors that the model left in GPU memory (spec sections 3.16 and 5.8).
#ifndef STUB_GPU_BUFFERS_H_
#define STUB_GPU_BUFFERS_H_

#include <vector>

#include "stub/gpu/pools.h"
#include "stub/protocol/revision_layout.h"
#include "stub/shm/region.h"

namespace mlflow_triton::stub {

/// Data in the memory of a device; whoever hands it out keeps it alive.
struct DeviceSpan {
  const char *data = nullptr;
  std::size_t byte_size = 0;
  std::int64_t device = 0;
};

/// Copies each source to its buffer of the GPUBuffersShm at `buffers`, in this order, and waits until all are there.
/// Buffers are in GPU memory (pool or IPC handle, closed again) or in the region. Throws StubError: the parent's text
/// when it has no buffers, that their number or a size is not that of the sources, or the driver's words.
void FillGpuBuffers(Region &region, const MemoryLayout &layout, Handle buffers, const std::vector<DeviceSpan> &sources,
                    CudaPools &pools);

} // namespace mlflow_triton::stub

#endif // STUB_GPU_BUFFERS_H_
