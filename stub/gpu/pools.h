// The memory pools of the parent, one a device, in which it shares GPU tensors (spec sections 2.6 and 5.16).
#ifndef STUB_GPU_POOLS_H_
#define STUB_GPU_POOLS_H_

#include <map>
#include <mutex>

#include "stub/gpu/cuda.h"

namespace mlflow_triton::stub {

/// Device -> base address of the parent's pool in this process. Pools stay open until the process ends. Thread-safe.
class CudaPools {
public:
  explicit CudaPools(Cuda &cuda) : cuda_(cuda) {}
  CudaPools(const CudaPools &) = delete;
  CudaPools &operator=(const CudaPools &) = delete;

  /// The process's own.
  static CudaPools &Get();

  Cuda &cuda() { return cuda_; }

  /// Opens the pool of `device` now. Throws StubError when it cannot be shared: the parent then gives each tensor a
  /// handle of its own.
  void Open(std::int64_t device, const IpcHandle &handle);
  /// A pool that the parent shared with an earlier process of this stub: opened when a tensor needs it.
  void Offer(std::int64_t device, const IpcHandle &handle);
  /// Base address. Throws StubError for a pool that was never shared or cannot be opened.
  char *BaseOf(std::int64_t device);

private:
  struct Pool {
    IpcHandle handle{};
    char *base = nullptr; // null: not opened yet
  };

  Cuda &cuda_;
  std::mutex mutex_;
  std::map<std::int64_t, Pool> pools_;
};

} // namespace mlflow_triton::stub

#endif // STUB_GPU_POOLS_H_
