// The built-in Python module `c_python_backend_utils` (spec section 6.1).
#ifndef STUB_PYTHON_MODULE_H_
#define STUB_PYTHON_MODULE_H_

#include "stub/python/py.h"

namespace mlflow_triton::stub {

/// Makes the module importable. To be called before Python starts.
void RegisterModule();

/// Sets the API on `triton_python_backend_utils`, as models expect it; `model_dir` is what `get_model_dir()` returns.
void ExtendUtilities(const py::module_ &utilities, const std::string &model_dir);

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_MODULE_H_
