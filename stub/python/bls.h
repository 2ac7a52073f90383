// Requests that the model sends to other models ("BLS", spec section 5.9).
#ifndef STUB_PYTHON_BLS_H_
#define STUB_PYTHON_BLS_H_

#include <memory>

#include "stub/python/request.h"

namespace mlflow_triton::stub {

/// `InferenceRequest.exec`.
py::object ExecuteBls(const std::shared_ptr<InferenceRequest> &request, bool decoupled);

/// `InferenceRequest.async_exec`: an awaitable.
py::object ExecuteBlsAsync(const std::shared_ptr<InferenceRequest> &request, bool decoupled);

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_BLS_H_
