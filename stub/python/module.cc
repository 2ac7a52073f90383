#include "stub/python/module.h"

#include "stub/ipc/context.h"
#include "stub/python/event_loop.h"
#include "stub/python/logger.h"
#include "stub/python/metrics.h"
#include "stub/python/model_control.h"
#include "stub/python/request.h"
#include "stub/python/response_iterator.h"

namespace mlflow_triton::stub {
namespace {

/// `c_python_backend_utils.shared_memory`: lets tests look for leaks.
struct SharedMemory {};

} // namespace

/// Everything the module holds.
void DefineModule(py::module_ &module) {
  DefineErrors(module);
  DefineTensor(module);
  DefineResponse(module);
  DefineRequest(module);
  DefineResponseIterator(module);
  DefineLogger(module);
  DefineMetrics(module);
  DefineModelControl(module);
  py::class_<SharedMemory>(module, "SharedMemory").def("free_memory", [](const SharedMemory &) {
    return CurrentContext().link.region().FreeBytes();
  });
  module.attr("shared_memory") = SharedMemory{};
  module.def("async_event_future_done_callback", &LogFutureException, py::arg("py_future"));
}

} // namespace mlflow_triton::stub

PYBIND11_MODULE(c_python_backend_utils, module) { mlflow_triton::stub::DefineModule(module); }

namespace mlflow_triton::stub {

void RegisterModule() { PyImport_AppendInittab(kModuleName, &PyInit_c_python_backend_utils); }

} // namespace mlflow_triton::stub
