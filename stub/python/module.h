// The built-in Python module `c_python_backend_utils` (spec section 6.1).
#ifndef STUB_PYTHON_MODULE_H_
#define STUB_PYTHON_MODULE_H_

#include "stub/python/py.h"

namespace mlflow_triton::stub {

inline constexpr char kModuleName[] = "c_python_backend_utils";

/// Makes the module importable. To be called before Python starts.
void RegisterModule();

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_MODULE_H_
