// `pb_utils.Logger` (spec section 6.9).
#ifndef STUB_PYTHON_LOGGER_H_
#define STUB_PYTHON_LOGGER_H_

#include "stub/python/py.h"

namespace mlflow_triton::stub {

/// Defines the Python class.
void DefineLogger(py::module_ &module);

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_LOGGER_H_
