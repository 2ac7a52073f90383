// `pb_utils.TritonError` and `pb_utils.TritonModelException` (spec section 6.2).
#ifndef STUB_PYTHON_TRITON_ERROR_H_
#define STUB_PYTHON_TRITON_ERROR_H_

#include <memory>
#include <string>

#include "stub/python/py.h"

namespace mlflow_triton::stub {

/// Codes as they go over the wire (spec section 3.4).
enum class ErrorCode : int {
  kUnknown = 0,
  kInternal,
  kNotFound,
  kInvalidArg,
  kUnavailable,
  kUnsupported,
  kAlreadyExists,
  kCancelled,
};

/// An error that belongs to one response.
struct TritonError {
  std::string message;
  ErrorCode code = ErrorCode::kInternal;
};

/// Defines `TritonError` and `TritonModelException`; from then on StubError is raised as the latter.
void DefineErrors(py::module_ &module);

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_TRITON_ERROR_H_
