#include "stub/gpu/driver_api.h"

#include <dlfcn.h>

#include "stub/error.h"

namespace mlflow_triton::stub {
namespace {

template <typename Function> void Find(void *library, const std::string &path, const char *name, Function *function) {
  void *found = dlsym(library, name);
  if (found == nullptr) {
    throw StubError("The CUDA driver " + path + " has no function " + name + ".");
  }
  *function = reinterpret_cast<Function>(found);
}

} // namespace

std::string CudaErrorText(const DriverApi &api, int result) {
  const char *text = nullptr;
  if (api.get_error_string(result, &text) != 0 || text == nullptr) {
    return "error " + std::to_string(result);
  }
  return text;
}

std::unique_ptr<DriverApi> LoadDriver(const std::string &path) {
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char *reason = dlerror();
    throw StubError(std::string("The CUDA driver cannot be loaded: ") + (reason != nullptr ? reason : path.c_str()));
  }
  auto api = std::make_unique<DriverApi>();
  Find(library, path, "cuInit", &api->init);
  Find(library, path, "cuGetErrorString", &api->get_error_string);
  Find(library, path, "cuDeviceGet", &api->device_get);
  Find(library, path, "cuDevicePrimaryCtxRetain", &api->primary_context_retain);
  Find(library, path, "cuCtxGetCurrent", &api->context_get_current);
  Find(library, path, "cuCtxSetCurrent", &api->context_set_current);
  // The names behind the macros of cuda.h.
  Find(library, path, "cuIpcOpenMemHandle_v2", &api->ipc_open);
  Find(library, path, "cuIpcCloseMemHandle", &api->ipc_close);
  Find(library, path, "cuMemcpyAsync", &api->copy_async);
  Find(library, path, "cuStreamCreate", &api->stream_create);
  Find(library, path, "cuStreamSynchronize", &api->stream_synchronize);
  if (const int result = api->init(0); result != 0) {
    throw StubError("The CUDA driver cannot be initialised: " + CudaErrorText(*api, result));
  }
  return api;
}

} // namespace mlflow_triton::stub
