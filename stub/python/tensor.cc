#include "stub/python/tensor.h"

#include <cstdlib>

#include "stub/codec/bytes_codec.h"
#include "stub/error.h"
#include "stub/ipc/context.h"
#include "stub/python/dlpack.h"
#include "stub/python/numpy.h"
#include "stub/shm/copy.h"

namespace mlflow_triton::stub {
namespace {

constexpr std::size_t kAlignment = 64;

std::shared_ptr<void> AllocateAligned(std::size_t bytes) {
  const std::size_t rounded = (bytes / kAlignment + 1) * kAlignment;
  void *memory = std::aligned_alloc(kAlignment, rounded);
  if (memory == nullptr) {
    throw StubError("cannot allocate " + std::to_string(rounded) + " bytes");
  }
  return {memory, std::free};
}

// Copies of fewer bytes cost less than what it takes to avoid them.
constexpr std::size_t kWorthSharing = 1 << 16;

/// What an array over the region holds as its base.
struct Anchor {
  std::shared_ptr<void> owner;
  std::shared_ptr<ChunkReference> memory; ///< see Tensor::memory
  std::shared_ptr<InlineBlock> block;     ///< what can be lent, where there is no memory chunk
  const char *data;
  std::size_t byte_size;
};
constexpr char kAnchorName[] = "mlflow_triton.region_memory";

py::capsule MakeAnchor(Anchor anchor) {
  return py::capsule(new Anchor(std::move(anchor)), kAnchorName,
                     [](void *held) { delete static_cast<Anchor *>(held); });
}

/// The memory chunk whose data are exactly those of `array`, or null. Arrays refer to each other as views do.
std::shared_ptr<ChunkReference> MemoryOf(const py::array &array) {
  py::object base = array.base();
  for (int depth = 0; depth < 4 && base && py::isinstance<py::array>(base); ++depth) {
    base = py::reinterpret_borrow<py::array>(base).base();
  }
  if (!base || PyCapsule_IsValid(base.ptr(), kAnchorName) == 0) {
    return nullptr;
  }
  const auto *anchor = static_cast<const Anchor *>(PyCapsule_GetPointer(base.ptr(), kAnchorName));
  const bool all = array.data() == anchor->data && static_cast<std::size_t>(array.nbytes()) == anchor->byte_size;
  if (!all) {
    return nullptr;
  }
  return anchor->block ? anchor->block->Lend() : anchor->memory;
}

} // namespace

std::shared_ptr<void> OwnPython(py::object object) {
  PyObject *raw = object.release().ptr();
  return {raw, [](void *held) {
            if (Py_IsInitialized() != 0) {
              py::gil_scoped_acquire gil;
              Py_DECREF(static_cast<PyObject *>(held));
            }
          }};
}

std::shared_ptr<Tensor> Tensor::FromNumpy(const std::string &name, py::object object) {
  if (name.empty()) {
    throw StubError("Tensor name cannot be an empty string.");
  }
  const auto given = py::reinterpret_borrow<py::array>(object);
  const DType dtype = TypeOfArray(given);
  if (dtype == DType::kInvalid) {
    throw StubError("NumPy dtype is not supported.");
  }
  auto array = ContiguousArray(given);
  std::shared_ptr<Tensor> tensor(new Tensor());
  tensor->name_ = name;
  tensor->dtype_ = dtype;
  tensor->dims_.assign(array.shape(), array.shape() + array.ndim());
  if (dtype != DType::kBytes) {
    tensor->data_ = static_cast<char *>(const_cast<void *>(array.data()));
    tensor->byte_size_ = static_cast<std::size_t>(array.nbytes());
    tensor->memory_ = tensor->byte_size_ >= kWorthSharing ? MemoryOf(array) : nullptr;
  }
  tensor->array_ = std::move(array);
  return tensor;
}

std::shared_ptr<Tensor> Tensor::FromRegion(RegionTensor from) {
  std::shared_ptr<Tensor> tensor(new Tensor());
  tensor->name_ = std::move(from.name);
  tensor->dtype_ = from.dtype;
  tensor->dims_ = std::move(from.dims);
  tensor->data_ = from.data;
  tensor->byte_size_ = from.byte_size;
  tensor->memory_type_ = from.memory_type;
  tensor->device_id_ = from.device_id;
  if (from.gpu) {
    tensor->owner_ = std::move(from.gpu);
    return tensor;
  }
  if (from.memory) {
    // Two references under one owner.
    tensor->owner_ = std::make_shared<std::pair<std::shared_ptr<void>, std::shared_ptr<void>>>(from.chunk, from.memory);
    tensor->memory_ = std::move(from.memory);
  } else {
    tensor->owner_ = from.chunk;
    if (from.byte_size >= kWorthSharing) {
      tensor->block_ = std::make_shared<InlineBlock>(from.chunk, from.block_offset);
    }
  }
  tensor->chunk_ = std::move(from.chunk);
  return tensor;
}

std::shared_ptr<Tensor> Tensor::FromMemory(const std::string &name, DType dtype, std::vector<std::int64_t> dims,
                                           char *data, std::shared_ptr<void> owner) {
  if (name.empty()) {
    throw StubError("Tensor name cannot be an empty string.");
  }
  std::shared_ptr<Tensor> tensor(new Tensor());
  tensor->name_ = name;
  tensor->dtype_ = dtype;
  tensor->dims_ = std::move(dims);
  tensor->data_ = data;
  tensor->owner_ = std::move(owner);
  tensor->byte_size_ = tensor->ElementCount() * InfoOf(dtype).size;
  return tensor;
}

std::shared_ptr<Tensor> Tensor::FromDevice(const std::string &name, DType dtype, std::vector<std::int64_t> dims,
                                           char *data, std::int64_t device_id, std::shared_ptr<void> owner) {
  auto tensor = FromMemory(name, dtype, std::move(dims), data, std::move(owner));
  tensor->memory_type_ = kMemoryGpu;
  tensor->device_id_ = device_id;
  return tensor;
}

std::size_t Tensor::ElementCount() const {
  std::size_t count = 1;
  for (const std::int64_t dim : dims_) {
    count *= static_cast<std::size_t>(dim);
  }
  return count;
}

std::string_view Tensor::Bytes() const { return {data_, byte_size_}; }

bool Tensor::IsAligned() const {
  const std::size_t size = InfoOf(dtype_).size;
  return size <= 1 || reinterpret_cast<std::uintptr_t>(data_) % size == 0;
}

/// Moves misaligned data into a memory chunk of its own, from where it can be sent without another copy. False where it
/// is not worth it, or shared memory is short.
bool Tensor::MoveToMemoryChunk() {
  if (byte_size_ < kWorthSharing) {
    return false;
  }
  Link &link = CurrentContext().link;
  const MemoryLayout &layout = link.protocol().memory;
  const auto head = static_cast<std::size_t>(layout.size);
  try {
    Handle handle = kNoHandle;
    {
      Region::Lock lock(link.region());
      handle = lock.AllocateIfRoomy(head + byte_size_);
    }
    if (handle == kNoHandle) {
      return false;
    }
    memory_ = std::make_shared<ChunkReference>(link.region(), handle);
    block_ = nullptr; // the data lie elsewhere
    char *at = link.region().Payload(handle, head + byte_size_);
    std::memset(at, 0, head); // memory type 0: CPU
    StoreAt<std::uint64_t>(at + layout.byte_size, byte_size_);
    CopyData(at + head, data_, byte_size_);
    data_ = at + head;
    owner_ = memory_;
    return true;
  } catch (const StubError &) {
    return false; // the heap has room
  }
}

void Tensor::MakeAligned() {
  if (IsAligned() || MoveToMemoryChunk()) {
    return;
  }
  std::shared_ptr<void> copy = AllocateAligned(byte_size_);
  CopyData(static_cast<char *>(copy.get()), data_, byte_size_);
  data_ = static_cast<char *>(copy.get());
  owner_ = std::move(copy);
}

char *Tensor::AlignedData(std::shared_ptr<void> *owner) {
  if (is_cpu()) {
    MakeAligned();
  }
  *owner = owner_ ? owner_ : OwnPython(array_);
  return data_;
}

py::object Tensor::DecodeBytes() const {
  const std::size_t count = ElementCount();
  if (const std::string problem = CheckBytes(Bytes(), count); !problem.empty()) {
    throw StubError("Tensor '" + name_ + "' holds invalid BYTES data: " + problem + ".");
  }
  py::array array(NumpyTypeOf(DType::kBytes), dims_);
  // An array of objects is born with null pointers or None; each is replaced by one owned reference.
  auto **slot = static_cast<PyObject **>(array.mutable_data());
  BytesReader reader(Bytes());
  for (std::string_view element; reader.Next(&element); ++slot) {
    PyObject *bytes = PyBytes_FromStringAndSize(element.data(), static_cast<Py_ssize_t>(element.size()));
    if (bytes == nullptr) {
      throw py::error_already_set();
    }
    Py_XDECREF(*slot);
    *slot = bytes;
  }
  return array;
}

py::object Tensor::AsNumpy() {
  if (array_) {
    return array_;
  }
  if (!is_cpu()) {
    throw StubError("Tensor is stored in GPU and cannot be converted to NumPy.");
  }
  if (dtype_ == DType::kBf16) {
    throw StubError(
        "Tensor dtype is BF16 and cannot be converted to NumPy. Use to_dlpack() and from_dlpack() instead.");
  }
  if (dtype_ == DType::kBytes) {
    array_ = DecodeBytes();
    return array_;
  }
  if (dtype_ == DType::kInvalid) {
    throw StubError("Tensor '" + name_ + "' has an unknown data type.");
  }
  const std::size_t size = InfoOf(dtype_).size;
  if (byte_size_ != ElementCount() * size) {
    throw StubError("Tensor '" + name_ + "' has " + std::to_string(byte_size_) + " bytes, its shape needs " +
                    std::to_string(ElementCount() * size) + ".");
  }
  if (IsAligned() || MoveToMemoryChunk()) {
    array_ = py::array(NumpyTypeOf(dtype_), dims_, data_, MakeAnchor({owner_, memory_, block_, data_, byte_size_}));
  } else {
    py::array copy(NumpyTypeOf(dtype_), dims_);
    CopyData(static_cast<char *>(copy.mutable_data()), data_, byte_size_);
    array_ = std::move(copy);
  }
  return array_;
}

void DefineTensor(py::module_ &module) {
  py::class_<Tensor, std::shared_ptr<Tensor>>(module, "Tensor")
      .def(py::init([](const std::string &name, const py::array &array) { return Tensor::FromNumpy(name, array); }))
      .def("name", &Tensor::name)
      .def("shape",
           [](const Tensor &tensor) {
             py::list shape;
             for (const std::int64_t dim : tensor.dims()) {
               shape.append(dim);
             }
             return shape;
           })
      .def("is_cpu", &Tensor::is_cpu)
      .def("triton_dtype", [](const Tensor &tensor) { return static_cast<int>(tensor.dtype()); })
      .def("as_numpy", &Tensor::AsNumpy)
      .def("to_dlpack", [](Tensor &tensor) { return ExportDlpack(tensor); })
      .def_static("from_dlpack", &ImportDlpack)
      .def(
          "__dlpack__", [](Tensor &tensor, const py::object &) { return ExportDlpack(tensor); },
          py::arg("stream") = py::none())
      .def("__dlpack_device__", [](const Tensor &tensor) { return DlpackDevice(tensor); });
}

} // namespace mlflow_triton::stub
