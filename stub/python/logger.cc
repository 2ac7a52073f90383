#include "stub/python/logger.h"

#include "stub/ipc/context.h"
#include "stub/python/exception_text.h"

namespace mlflow_triton::stub {
namespace {

/// Python's class object; all its members are static.
struct Logger {};

void Log(const py::str &message, LogLevel level) {
  LogRecord record{level, "", 0, Utf8Text(message)};
  // A C function has no frame of its own: the current frame is the caller's.
  if (PyFrameObject *frame = PyEval_GetFrame()) {
    record.line = PyFrame_GetLineNumber(frame);
    const auto code = py::reinterpret_steal<py::object>(reinterpret_cast<PyObject *>(PyFrame_GetCode(frame)));
    record.file = Utf8Text(reinterpret_cast<PyCodeObject *>(code.ptr())->co_filename);
  }
  CurrentContext().outbox.Log(std::move(record));
}

} // namespace

void DefineLogger(py::module_ &module) {
  py::class_<Logger> logger(module, "Logger");
  py::enum_<LogLevel>(logger, "LogLevel")
      .value("INFO", LogLevel::kInfo)
      .value("WARNING", LogLevel::kWarning)
      .value("ERROR", LogLevel::kError)
      .value("VERBOSE", LogLevel::kVerbose)
      .export_values();
  logger.def_static("log", &Log, py::arg("message"), py::arg("level") = LogLevel::kInfo)
      .def_static(
          "log_info", [](const py::str &message) { Log(message, LogLevel::kInfo); }, py::arg("message"))
      .def_static(
          "log_warn", [](const py::str &message) { Log(message, LogLevel::kWarning); }, py::arg("message"))
      .def_static(
          "log_error", [](const py::str &message) { Log(message, LogLevel::kError); }, py::arg("message"))
      .def_static("log_verbose", [](const py::str &message) { Log(message, LogLevel::kVerbose); }, py::arg("message"));
}

} // namespace mlflow_triton::stub
