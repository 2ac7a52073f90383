// `pb_utils.load_model`, `unload_model` and `is_model_ready` (spec sections 5.15 and 6.11).
#ifndef STUB_PYTHON_MODEL_CONTROL_H_
#define STUB_PYTHON_MODEL_CONTROL_H_

#include "stub/python/py.h"

namespace mlflow_triton::stub {

/// Defines the Python functions.
void DefineModelControl(py::module_ &module);

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_MODEL_CONTROL_H_
