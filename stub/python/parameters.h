// Parameters of requests made by the model: a dictionary as JSON text (spec sections 3.7 and 6.4).
#ifndef STUB_PYTHON_PARAMETERS_H_
#define STUB_PYTHON_PARAMETERS_H_

#include <string>

#include "stub/python/py.h"

namespace mlflow_triton::stub {

/// Compact JSON object; "{}" for None. Keys are str, values bool, int (64 bits) or str; anything else throws StubError.
std::string ParametersToJson(const py::object &parameters);

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_PARAMETERS_H_
