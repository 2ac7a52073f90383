#include "stub/python/runtime.h"

#include <utility>

#include "stub/error.h"
#include "stub/python/exception_text.h"
#include "stub/python/memory.h"
#include "stub/python/module.h"
#include "stub/python/py.h"

namespace mlflow_triton::stub {
namespace {

void ThrowStatus(const PyStatus &status) {
  std::string reason = status.err_msg != nullptr ? status.err_msg : "unknown reason";
  if (status.func != nullptr) {
    reason = std::string(status.func) + ": " + reason;
  }
  throw StubError("Failed to start Python " + std::to_string(PY_MAJOR_VERSION) + "." +
                  std::to_string(PY_MINOR_VERSION) + ": " + reason +
                  ". Is the first 'python3' on PATH, or the execution environment, of that version and complete?");
}

void Preinitialise() {
  PyPreConfig config;
  PyPreConfig_InitIsolatedConfig(&config);
  config.utf8_mode = 1;
  const PyStatus status = Py_PreInitialize(&config);
  if (PyStatus_Exception(status)) {
    ThrowStatus(status);
  }
}

} // namespace

void StartPython(bool honour_environment) {
  KeepFreedMemory();
  KeepPythonArenas();
  Preinitialise();
  RegisterModule();
  PyConfig config;
  if (honour_environment) {
    PyConfig_InitPythonConfig(&config);
    config.parse_argv = 0;
  } else {
    PyConfig_InitIsolatedConfig(&config);
  }
  config.install_signal_handlers = 0; // our own handlers stay (launch.h)
  config.buffered_stdio = 0;          // what a model prints shows in the server's log at once
  const PyStatus status = Py_InitializeFromConfig(&config);
  PyConfig_Clear(&config);
  if (PyStatus_Exception(status)) {
    ThrowStatus(status);
  }
  try {
    // As with the reference stub, the working directory comes first (spec section 1.3).
    py::module_::import("sys").attr("path").attr("insert")(0, "");
  } catch (const py::error_already_set &error) {
    throw StubError("Failed to prepare sys.path: " + ExceptionText(error));
  }
}

void EndPython() {
  for (const auto &[module, function] : {std::pair("threading", "_shutdown"), std::pair("atexit", "_run_exitfuncs")}) {
    try {
      py::module_::import(module).attr(function)();
    } catch (const py::error_already_set &) {
      // Reported by Python itself where it can be; the exit goes on.
    }
  }
  for (const char *stream : {"stdout", "stderr"}) {
    try {
      py::module_::import("sys").attr(stream).attr("flush")();
    } catch (const py::error_already_set &) {
      // A stream that the model closed or replaced.
    }
  }
}

} // namespace mlflow_triton::stub
