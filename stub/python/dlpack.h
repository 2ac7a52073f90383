// Tensors to and from other array libraries (spec section 6.3, DLPack).
#ifndef STUB_PYTHON_DLPACK_H_
#define STUB_PYTHON_DLPACK_H_

#include <memory>
#include <string>

#include "stub/python/tensor.h"

namespace mlflow_triton::stub {

/// Capsule "dltensor" over the tensor's memory. Throws StubError for BYTES.
py::capsule ExportDlpack(Tensor &tensor);

/// (device type, device id).
py::tuple DlpackDevice(const Tensor &tensor);

/// Takes over a capsule, or asks an object with `__dlpack__` and `__dlpack_device__` for one. The producer's deleter
/// runs when the tensor and everything made of it are gone. Throws StubError.
std::shared_ptr<Tensor> ImportDlpack(const std::string &name, const py::object &object);

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_DLPACK_H_
