// The CUDA driver, loaded when the first tensor in GPU memory appears (spec sections 2.6, 3.5 and 5.8). The executable
// does not depend on it.
#ifndef STUB_GPU_CUDA_H_
#define STUB_GPU_CUDA_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "stub/gpu/driver_api.h"

namespace mlflow_triton::stub {

/// A CUDA IPC handle: the bytes of `cudaIpcMemHandle_t`, which are those of the driver's `CUipcMemHandle`.
using IpcHandle = std::array<char, 64>;

/// What the stub needs of CUDA, over the primary context of each device, which is also the one that PyTorch and CuPy
/// use. Every call sets its device for the calling thread and restores what was set before. Thread-safe. Must not be
/// used before a process forks. All members throw StubError with the driver's words.
class Cuda {
public:
  /// Loads nothing yet. `library` is a name or path for `dlopen`.
  explicit Cuda(std::string library);
  ~Cuda();
  Cuda(const Cuda &) = delete;
  Cuda &operator=(const Cuda &) = delete;

  /// The process's own; `MLFLOW_TRITON_STUB_CUDA_LIBRARY` names another library than `libcuda.so.1`, for tests.
  static Cuda &Get();

  /// Address, in this process, of the allocation that `handle` names; with lazy access between peers. Each opening
  /// needs one `CloseIpc`.
  char *OpenIpc(const IpcHandle &handle, std::int64_t device);
  void CloseIpc(char *base, std::int64_t device);

  /// Copies between any two of device memory, memory of another device and host memory; returns before it is done.
  /// What the model's default streams have under way comes first. `device` is that of the source or the destination.
  void CopyAsync(char *to, const char *from, std::size_t bytes, std::int64_t device);
  /// Waits for the copies given with `device`.
  void FinishCopies(std::int64_t device);

  /// A stream for producers of DLPack tensors to order their work before (spec section 6.3); made once for a device.
  std::uintptr_t ImportStream(std::int64_t device);
  /// Waits for what was ordered before.
  void FinishImport(std::int64_t device);

private:
  struct Device;
  class Current;

  const DriverApi &Api();
  Device &DeviceOf(std::int64_t device);
  void Check(int result, const char *call);

  std::string library_;
  std::mutex mutex_;
  std::unique_ptr<DriverApi> api_;
  std::string failure_; // why there is no driver: found out once
  std::map<std::int64_t, std::unique_ptr<Device>> devices_;
};

} // namespace mlflow_triton::stub

#endif // STUB_GPU_CUDA_H_
