#include "stub/gpu/cuda.h"

#include <cstdlib>
#include <cstring>

#include "stub/error.h"

namespace mlflow_triton::stub {

/// One device that was used; its primary context stays for the life of the process.
struct Cuda::Device {
  CudaContext context = nullptr;
  CudaStream import_stream = nullptr;
};

/// Makes a device's context the calling thread's own for a scope: the model may have chosen another device.
class Cuda::Current {
public:
  Current(Cuda &cuda, std::int64_t device) : api_(cuda.Api()) {
    const Device &wanted = cuda.DeviceOf(device);
    cuda.Check(api_.context_get_current(&before_), "cuCtxGetCurrent");
    if (before_ != wanted.context) {
      cuda.Check(api_.context_set_current(wanted.context), "cuCtxSetCurrent");
      changed_ = true;
    }
  }
  ~Current() {
    if (changed_) {
      api_.context_set_current(before_);
    }
  }
  Current(const Current &) = delete;
  Current &operator=(const Current &) = delete;

private:
  const DriverApi &api_;
  CudaContext before_ = nullptr;
  bool changed_ = false;
};

Cuda::Cuda(std::string library) : library_(std::move(library)) {}
Cuda::~Cuda() = default;

Cuda &Cuda::Get() {
  static auto *const cuda = [] {
    const char *library = std::getenv("MLFLOW_TRITON_STUB_CUDA_LIBRARY");
    return new Cuda(library != nullptr && *library != '\0' ? library : "libcuda.so.1");
  }(); // used until the process ends
  return *cuda;
}

const DriverApi &Cuda::Api() {
  std::lock_guard<std::mutex> guard(mutex_);
  if (!api_ && failure_.empty()) {
    try {
      api_ = LoadDriver(library_);
    } catch (const StubError &error) {
      failure_ = error.what();
    }
  }
  if (!api_) {
    throw StubError(failure_);
  }
  return *api_;
}

void Cuda::Check(int result, const char *call) {
  if (result != 0) {
    throw StubError(std::string("CUDA call ") + call + " failed: " + CudaErrorText(Api(), result));
  }
}

Cuda::Device &Cuda::DeviceOf(std::int64_t number) {
  const DriverApi &api = Api();
  std::lock_guard<std::mutex> guard(mutex_);
  std::unique_ptr<Device> &device = devices_[number];
  if (!device) {
    int ordinal = 0;
    auto made = std::make_unique<Device>();
    int result = api.device_get(&ordinal, static_cast<int>(number));
    result = result != 0 ? result : api.primary_context_retain(&made->context, ordinal);
    if (result != 0) {
      throw StubError("CUDA device " + std::to_string(number) + " cannot be used: " + CudaErrorText(api, result));
    }
    device = std::move(made);
  }
  return *device;
}

char *Cuda::OpenIpc(const IpcHandle &handle, std::int64_t device) {
  CudaIpcMemHandle raw{};
  std::memcpy(raw.reserved, handle.data(), handle.size());
  CudaPointer pointer = 0;
  const Current current(*this, device);
  Check(Api().ipc_open(&pointer, raw, kCudaIpcLazyPeerAccess), "cuIpcOpenMemHandle");
  return reinterpret_cast<char *>(pointer);
}

void Cuda::CloseIpc(char *base, std::int64_t device) {
  const Current current(*this, device);
  Check(Api().ipc_close(reinterpret_cast<CudaPointer>(base)), "cuIpcCloseMemHandle");
}

void Cuda::CopyAsync(char *to, const char *from, std::size_t bytes, std::int64_t device) {
  const Current current(*this, device);
  // The null stream; addresses tell the driver what kind of memory they belong to.
  Check(Api().copy_async(reinterpret_cast<CudaPointer>(to), reinterpret_cast<CudaPointer>(from), bytes, nullptr),
        "cuMemcpyAsync");
}

void Cuda::FinishCopies(std::int64_t device) {
  const Current current(*this, device);
  Check(Api().stream_synchronize(nullptr), "cuStreamSynchronize");
}

std::uintptr_t Cuda::ImportStream(std::int64_t number) {
  const Current current(*this, number);
  Device &device = DeviceOf(number);
  std::lock_guard<std::mutex> guard(mutex_);
  if (device.import_stream == nullptr) {
    if (const int result = api_->stream_create(&device.import_stream, kCudaStreamNonBlocking); result != 0) {
      throw StubError("CUDA call cuStreamCreate failed: " + CudaErrorText(*api_, result));
    }
  }
  return reinterpret_cast<std::uintptr_t>(device.import_stream);
}

void Cuda::FinishImport(std::int64_t device) {
  const Current current(*this, device);
  Check(Api().stream_synchronize(reinterpret_cast<CudaStream>(ImportStream(device))), "cuStreamSynchronize");
}

} // namespace mlflow_triton::stub
