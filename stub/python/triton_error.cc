#include "stub/python/triton_error.h"

#include "stub/error.h"
#include "stub/python/exception_text.h"

namespace mlflow_triton::stub {

void DefineErrors(py::module_ &module) {
  py::register_exception<StubError>(module, "TritonModelException");

  py::class_<TritonError, std::shared_ptr<TritonError>> error(module, "TritonError");
  py::enum_<ErrorCode>(error, "__ErrorCode")
      .value("UNKNOWN", ErrorCode::kUnknown)
      .value("INTERNAL", ErrorCode::kInternal)
      .value("NOT_FOUND", ErrorCode::kNotFound)
      .value("INVALID_ARG", ErrorCode::kInvalidArg)
      .value("UNAVAILABLE", ErrorCode::kUnavailable)
      .value("UNSUPPORTED", ErrorCode::kUnsupported)
      .value("ALREADY_EXISTS", ErrorCode::kAlreadyExists)
      .value("CANCELLED", ErrorCode::kCancelled)
      .export_values();
  error
      .def(py::init([](const py::str &message, ErrorCode code) {
             return std::make_shared<TritonError>(TritonError{Utf8Text(message), code});
           }),
           py::arg("message").none(false), py::arg("code") = ErrorCode::kInternal)
      .def("code", [](const TritonError &self) { return self.code; })
      .def("message", [](const TritonError &self) { return self.message; });
}

} // namespace mlflow_triton::stub
