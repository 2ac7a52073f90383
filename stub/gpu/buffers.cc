#include "stub/gpu/buffers.h"

#include <memory>
#include <set>

#include "stub/error.h"
#include "stub/gpu/memory.h"
#include "stub/shm/chunk.h"

namespace mlflow_triton::stub {
namespace {

/// Where one source goes; keeps GPU memory open.
struct Target {
  char *data = nullptr;
  std::shared_ptr<GpuMemory> gpu;
};

Target OpenTarget(Region &region, const MemoryLayout &layout, Handle handle, std::size_t bytes, CudaPools &pools) {
  const auto head = static_cast<std::size_t>(layout.size);
  const char *block = region.Payload(handle, head);
  const auto size = LoadAt<std::uint64_t>(block + layout.byte_size);
  if (size != bytes) {
    throw StubError("the buffer of the server has " + std::to_string(size) + " bytes, the tensor " +
                    std::to_string(bytes));
  }
  Target target;
  if (LoadAt<std::int32_t>(block + layout.memory_type) != kMemoryGpu) {
    target.data = region.Payload(handle, bytes, head);
    return target;
  }
  if (GpuMemory::HasHandle(layout, block)) {
    region.Payload(handle, sizeof(IpcHandle), head);
  }
  target.gpu = GpuMemory::Open(layout, block, pools);
  target.data = target.gpu->data();
  return target;
}

} // namespace

void FillGpuBuffers(Region &region, const MemoryLayout &layout, Handle buffers, const std::vector<DeviceSpan> &sources,
                    CudaPools &pools) {
  const GpuBuffersShm fields = *region.As<GpuBuffersShm>(buffers);
  if (fields.success == 0) {
    throw StubError("Failed to load GPU buffers: " + ReadText(region, fields.error));
  }
  if (fields.buffer_count != sources.size()) {
    throw StubError("Failed to load GPU buffers: the server has " + std::to_string(fields.buffer_count) +
                    " buffers for " + std::to_string(sources.size()) + " tensors in GPU memory.");
  }
  const char *list = region.Payload(fields.buffers, sources.size() * sizeof(Handle));
  std::vector<Target> targets; // open until all copies are done
  std::set<std::int64_t> devices;
  std::string problem;
  try {
    for (std::size_t index = 0; index < sources.size(); ++index) {
      const DeviceSpan &source = sources[index];
      const auto handle = LoadAt<Handle>(list + index * sizeof(Handle));
      targets.push_back(OpenTarget(region, layout, handle, source.byte_size, pools));
      if (source.byte_size != 0) {
        pools.cuda().CopyAsync(targets.back().data, source.data, source.byte_size, source.device);
        devices.insert(source.device);
      }
    }
  } catch (const StubError &error) {
    problem = error.what();
  }
  for (const std::int64_t device : devices) {
    try {
      pools.cuda().FinishCopies(device);
    } catch (const StubError &error) {
      problem = error.what();
    }
  }
  if (!problem.empty()) {
    throw StubError("Failed to copy a tensor in GPU memory: " + problem);
  }
}

} // namespace mlflow_triton::stub
