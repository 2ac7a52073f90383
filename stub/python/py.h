// pybind11, included in one way everywhere.
#ifndef STUB_PYTHON_PY_H_
#define STUB_PYTHON_PY_H_

#include <pybind11/pybind11.h>

namespace mlflow_triton::stub {
namespace py = pybind11;

/// str(type(object)), as messages of spec section 6.12 show it: "<class 'int'>".
inline std::string TypeText(py::handle object) { return py::str(reinterpret_cast<PyObject *>(Py_TYPE(object.ptr()))); }

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_PY_H_
