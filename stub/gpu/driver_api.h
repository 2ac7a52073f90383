// The functions of the CUDA driver that the stub calls, as its documentation declares them. No header of CUDA is
// needed to build the stub.
#ifndef STUB_GPU_DRIVER_API_H_
#define STUB_GPU_DRIVER_API_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace mlflow_triton::stub {

/// `CUipcMemHandle`, passed by value.
struct CudaIpcMemHandle {
  char reserved[64];
};

/// Opaque pointers of the driver.
using CudaContext = void *;
using CudaStream = void *;
/// `CUdeviceptr`.
using CudaPointer = std::uint64_t;

constexpr unsigned kCudaIpcLazyPeerAccess = 1; // CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS
constexpr unsigned kCudaStreamNonBlocking = 1; // CU_STREAM_NON_BLOCKING

/// The loaded driver; every function returns a CUresult, 0 for success.
struct DriverApi {
  int (*init)(unsigned flags);
  int (*get_error_string)(int error, const char **text);
  int (*device_get)(int *device, int ordinal);
  int (*primary_context_retain)(CudaContext *context, int device);
  int (*context_get_current)(CudaContext *context);
  int (*context_set_current)(CudaContext context);
  int (*ipc_open)(CudaPointer *pointer, CudaIpcMemHandle handle, unsigned flags);
  int (*ipc_close)(CudaPointer pointer);
  int (*copy_async)(CudaPointer to, CudaPointer from, std::size_t bytes, CudaStream stream);
  int (*stream_create)(CudaStream *stream, unsigned flags);
  int (*stream_synchronize)(CudaStream stream);
};

/// Loads the driver, for the rest of the process, and initialises it. Throws StubError: why it cannot be loaded, which
/// function it lacks, or its own words.
std::unique_ptr<DriverApi> LoadDriver(const std::string &library);

/// The driver's words for a result.
std::string CudaErrorText(const DriverApi &api, int result);

} // namespace mlflow_triton::stub

#endif // STUB_GPU_DRIVER_API_H_
