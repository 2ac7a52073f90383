#include "stub/gpu/pools.h"

#include "stub/error.h"

namespace mlflow_triton::stub {

CudaPools &CudaPools::Get() {
  static auto *const pools = new CudaPools(Cuda::Get()); // used until the process ends
  return *pools;
}

void CudaPools::Open(std::int64_t device, const IpcHandle &handle) {
  char *base = cuda_.OpenIpc(handle, device);
  std::lock_guard<std::mutex> guard(mutex_);
  pools_[device] = Pool{handle, base}; // one that was there before stays open: tensors may lie in it
}

void CudaPools::Offer(std::int64_t device, const IpcHandle &handle) {
  std::lock_guard<std::mutex> guard(mutex_);
  pools_[device] = Pool{handle, nullptr};
}

char *CudaPools::BaseOf(std::int64_t device) {
  std::lock_guard<std::mutex> guard(mutex_);
  const auto pool = pools_.find(device);
  if (pool == pools_.end()) {
    throw StubError("The server uses a CUDA memory pool of device " + std::to_string(device) +
                    " that it has not shared.");
  }
  if (pool->second.base == nullptr) {
    pool->second.base = cuda_.OpenIpc(pool->second.handle, device);
  }
  return pool->second.base;
}

} // namespace mlflow_triton::stub
