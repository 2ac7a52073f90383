// `triton_python_backend_utils`: the server's Python file, completed with the API of this stub (spec section 6.1).
#ifndef STUB_PYTHON_UTILITIES_H_
#define STUB_PYTHON_UTILITIES_H_

#include <string>

#include "stub/python/py.h"

namespace mlflow_triton::stub {

/// Sees to it that whoever imports `triton_python_backend_utils` gets it with the API set, at module level of the model
/// already. Nothing is imported before: most of the time that a small model takes to load is that of NumPy, which the
/// file imports. `model_dir` is what `get_model_dir()` returns.
void CompleteUtilitiesOnImport(const std::string &model_dir);

/// The module, imported from `sys.path` where nobody has done so. Python errors pass through.
py::module_ ImportUtilities();

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_UTILITIES_H_
