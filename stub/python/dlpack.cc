#include "stub/python/dlpack.h"

#include "stub/error.h"
#include "stub/gpu/cuda.h"
#include "stub/python/dlpack_abi.h"

namespace mlflow_triton::stub {
namespace {

constexpr char kFresh[] = "dltensor";
// The name of the DLPack standard: producers such as NumPy recognise a consumed capsule by it. (The reference stub
// writes another one, which crashes it with NumPy arrays.)
constexpr char kUsed[] = "used_dltensor";

/// What an exported capsule owns.
struct Export {
  DlManagedTensor managed;
  std::vector<std::int64_t> shape;
  std::shared_ptr<void> owner;
};

void DeleteUnused(PyObject *capsule) {
  // A consumer renames the capsule and calls the deleter itself.
  if (PyCapsule_IsValid(capsule, kFresh) != 0) {
    auto *managed = static_cast<DlManagedTensor *>(PyCapsule_GetPointer(capsule, kFresh));
    managed->deleter(managed);
  }
}

/// C order without gaps; strides of dimensions of length 1 mean nothing, and nothing matters when there is no element.
bool IsContiguous(const DlTensor &tensor) {
  if (tensor.strides == nullptr) {
    return true;
  }
  std::int64_t expected = 1;
  for (int dim = 0; dim < tensor.ndim; ++dim) {
    if (tensor.shape[dim] == 0) {
      return true;
    }
  }
  for (int dim = tensor.ndim - 1; dim >= 0; --dim) {
    if (tensor.shape[dim] != 1 && tensor.strides[dim] != expected) {
      return false;
    }
    expected *= tensor.shape[dim];
  }
  return true;
}

/// The producer orders its work before what comes on the stream that it is given.
py::object CapsuleOfDevice(const py::object &object, std::int64_t device) {
  Cuda &cuda = Cuda::Get();
  py::object capsule = object.attr("__dlpack__")(py::arg("stream") = cuda.ImportStream(device));
  py::gil_scoped_release without_gil;
  cuda.FinishImport(device);
  return capsule;
}

py::object CapsuleOf(const py::object &object) {
  if (PyCapsule_CheckExact(object.ptr()) != 0) {
    return object;
  }
  if (!py::hasattr(object, "__dlpack__") || !py::hasattr(object, "__dlpack_device__")) {
    throw StubError(
        "Provided tensor is not supported. Tensor must be a DLPack capsule         or have `__dlpack__` and "
        "`__dlpack_device__` attributes.");
  }
  const py::tuple device = object.attr("__dlpack_device__")();
  const auto type = py::int_(device[0]).cast<int>();
  if (type == kDlCuda) {
    return CapsuleOfDevice(object, py::int_(device[1]).cast<std::int64_t>());
  }
  if (type != kDlCpu && type != kDlCudaHost) {
    throw StubError("DLDevice type " + std::to_string(type) + " is not support by Python backend.");
  }
  return object.attr("__dlpack__")(py::arg("stream") = py::none());
}

} // namespace

py::capsule ExportDlpack(Tensor &tensor) {
  const DTypeInfo &info = InfoOf(tensor.dtype());
  if (tensor.dtype() == DType::kBytes) {
    throw StubError("DLPack does not have support for string tensors.");
  }
  if (!info.dlpack) {
    throw StubError("Tensor '" + tensor.name() + "' has no DLPack data type.");
  }
  auto made = std::make_unique<Export>();
  made->shape = tensor.dims();
  DlTensor &dl = made->managed.dl_tensor;
  dl.data = tensor.AlignedData(&made->owner);
  dl.device = tensor.is_cpu() ? DlDevice{kDlCpu, 0} : DlDevice{kDlCuda, static_cast<std::int32_t>(tensor.device_id())};
  dl.ndim = static_cast<std::int32_t>(made->shape.size());
  dl.dtype = {info.dl_code, static_cast<std::uint8_t>(info.size * 8), 1};
  dl.shape = made->shape.data();
  dl.strides = nullptr;
  dl.byte_offset = 0;
  made->managed.manager_ctx = made.get();
  made->managed.deleter = [](DlManagedTensor *self) { delete static_cast<Export *>(self->manager_ctx); };
  PyObject *capsule = PyCapsule_New(&made->managed, kFresh, DeleteUnused);
  if (capsule == nullptr) {
    throw py::error_already_set();
  }
  made.release();
  return py::reinterpret_steal<py::capsule>(capsule);
}

py::tuple DlpackDevice(const Tensor &tensor) {
  return tensor.is_cpu() ? py::make_tuple(static_cast<int>(kDlCpu), 0)
                         : py::make_tuple(static_cast<int>(kDlCuda), tensor.device_id());
}

std::shared_ptr<Tensor> ImportDlpack(const std::string &name, const py::object &object) {
  const py::object capsule = CapsuleOf(object);
  if (PyCapsule_IsValid(capsule.ptr(), kFresh) == 0) {
    throw StubError("Provided DLPack capsule is not valid or was already used; its name must be 'dltensor'.");
  }
  auto *managed = static_cast<DlManagedTensor *>(PyCapsule_GetPointer(capsule.ptr(), kFresh));
  const DlTensor &dl = managed->dl_tensor;
  const bool on_device = dl.device.device_type == kDlCuda;
  if (!on_device && dl.device.device_type != kDlCpu && dl.device.device_type != kDlCudaHost) {
    throw StubError("DLDevice type " + std::to_string(dl.device.device_type) + " is not support by Python backend.");
  }
  if (!IsContiguous(dl)) {
    throw StubError("DLPack tensor is not contiguous. Only contiguous DLPack tensors that are stored in C-Order are "
                    "supported.");
  }
  const DType dtype = dl.dtype.lanes == 1 ? DTypeOfDlpack(dl.dtype.code, dl.dtype.bits) : DType::kInvalid;
  if (dtype == DType::kInvalid) {
    throw StubError("DLPack data type with code " + std::to_string(dl.dtype.code) + ", " +
                    std::to_string(dl.dtype.bits) + " bits and " + std::to_string(dl.dtype.lanes) +
                    " lanes is not supported.");
  }
  // From here on the memory is ours to release. Deleters of Python libraries want the GIL.
  PyCapsule_SetName(capsule.ptr(), kUsed);
  std::shared_ptr<void> owner(managed, [](void *held) {
    auto *self = static_cast<DlManagedTensor *>(held);
    if (self->deleter != nullptr && Py_IsInitialized() != 0) {
      py::gil_scoped_acquire gil;
      self->deleter(self);
    }
  });
  std::vector<std::int64_t> dims(dl.shape, dl.shape + dl.ndim);
  char *data = static_cast<char *>(dl.data) + dl.byte_offset;
  return on_device ? Tensor::FromDevice(name, dtype, std::move(dims), data, dl.device.device_id, std::move(owner))
                   : Tensor::FromMemory(name, dtype, std::move(dims), data, std::move(owner));
}

} // namespace mlflow_triton::stub
