// NumPy through pybind11's run-time resolved C API: works with NumPy 1.x and 2.x.
#ifndef STUB_PYTHON_NUMPY_H_
#define STUB_PYTHON_NUMPY_H_

#include <pybind11/numpy.h>

#include "stub/protocol/dtype.h"
#include "stub/python/py.h"

namespace mlflow_triton::stub {

/// NumPy's dtype object for `dtype`, cached; BYTES gives `object`. Not for BF16.
const py::dtype &NumpyTypeOf(DType dtype);

/// Type of an array, `kInvalid` when it is not supported. A byte-swapped array has the type of its native form.
DType TypeOfArray(const py::array &array);

/// The array in C order and native byte order; itself when it already is.
py::array ContiguousArray(const py::array &array);

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_NUMPY_H_
