// `pb_utils.InferenceResponse` (spec section 6.5).
#ifndef STUB_PYTHON_RESPONSE_H_
#define STUB_PYTHON_RESPONSE_H_

#include <memory>
#include <vector>

#include "stub/python/tensor.h"
#include "stub/python/triton_error.h"

namespace mlflow_triton::stub {

/// Output tensors or an error, and parameters for the client (R9+).
struct InferenceResponse {
  std::vector<std::shared_ptr<Tensor>> outputs;
  std::shared_ptr<TritonError> error;
  std::string parameters = "{}"; ///< JSON object
};

/// Defines the Python class.
void DefineResponse(py::module_ &module);

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_RESPONSE_H_
