// `pb_utils.Tensor` (spec section 6.3).
#ifndef STUB_PYTHON_TENSOR_H_
#define STUB_PYTHON_TENSOR_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "stub/gpu/memory.h"
#include "stub/protocol/dtype.h"
#include "stub/python/py.h"
#include "stub/shm/inline_block.h"

namespace mlflow_triton::stub {

/// A tensor of the region, ready to be read. The references keep data and chunk alive.
struct RegionTensor {
  std::shared_ptr<ChunkReference> chunk;
  std::shared_ptr<ChunkReference> memory; ///< separate memory chunk, or null
  std::size_t block_offset = 0;           ///< of the memory block in the payload of `chunk`, where `memory` is null
  std::string name;
  DType dtype = DType::kInvalid;
  std::vector<std::int64_t> dims;
  char *data = nullptr;
  std::size_t byte_size = 0;
  std::int32_t memory_type = 0;
  std::int64_t device_id = 0;
  std::shared_ptr<void> gpu; ///< owner of data in GPU memory, and of the references; else null
};

/// Name, shape and type with one of: a chunk of the region, a NumPy array, memory of another library (DLPack).
/// Immutable; all members need the GIL.
class Tensor {
public:
  /// From the user's array; non-contiguous or byte-swapped ones are copied. Throws StubError.
  static std::shared_ptr<Tensor> FromNumpy(const std::string &name, py::object array);
  /// From the region, without a copy.
  static std::shared_ptr<Tensor> FromRegion(RegionTensor tensor);
  /// From CPU memory that `owner` keeps alive; `data` is contiguous.
  static std::shared_ptr<Tensor> FromMemory(const std::string &name, DType dtype, std::vector<std::int64_t> dims,
                                            char *data, std::shared_ptr<void> owner);
  /// The same from memory of a CUDA device.
  static std::shared_ptr<Tensor> FromDevice(const std::string &name, DType dtype, std::vector<std::int64_t> dims,
                                            char *data, std::int64_t device_id, std::shared_ptr<void> owner);

  const std::string &name() const { return name_; }
  DType dtype() const { return dtype_; }
  const std::vector<std::int64_t> &dims() const { return dims_; }
  bool is_cpu() const { return memory_type_ != kMemoryGpu; }
  std::int32_t memory_type() const { return memory_type_; }
  std::int64_t device_id() const { return device_id_; }
  std::size_t ElementCount() const;

  /// NumPy form; the same object every time. Views the region where that is aligned, else a copy; always writable
  /// unless the user's own array is not. Throws StubError for BF16, GPU memory and corrupt BYTES.
  py::object AsNumpy();

  /// Handle to pass the tensor on unchanged, or none when it does not live in the region, or no longer as it came. One
  /// in GPU memory is always described anew: the parent gives it another place (spec section 5.8).
  Handle Forward() const { return chunk_ && (!block_ || block_->KeepWhole()) ? chunk_->handle() : kNoHandle; }
  /// The memory chunk (spec section 3.5) whose data are exactly this tensor's, or null: others may refer to it.
  const std::shared_ptr<ChunkReference> &memory() const { return block_ ? block_->lent() : memory_; }

  /// The user's array or null.
  const py::object &array() const { return array_; }
  /// Contiguous bytes of a tensor that is not BYTES from NumPy; for BYTES of the region the wire form. Addresses of a
  /// device when not `is_cpu`.
  std::string_view Bytes() const;

  /// Address aligned for the element type, for export by DLPack; makes a private copy once when it is not, unless the
  /// data are in GPU memory. `owner` keeps it alive and may be dropped without the GIL.
  char *AlignedData(std::shared_ptr<void> *owner);

private:
  Tensor() = default;
  bool IsAligned() const;
  bool MoveToMemoryChunk();
  void MakeAligned();
  py::object DecodeBytes() const;

  std::string name_;
  DType dtype_ = DType::kInvalid;
  std::vector<std::int64_t> dims_;
  std::int32_t memory_type_ = 0;
  std::int64_t device_id_ = 0;
  char *data_ = nullptr; // null for BYTES from NumPy
  std::size_t byte_size_ = 0;
  std::shared_ptr<void> owner_; // of data_; for a NumPy array a reference that takes the GIL to drop
  std::shared_ptr<ChunkReference> chunk_;
  std::shared_ptr<ChunkReference> memory_;
  std::shared_ptr<InlineBlock> block_; // of chunk_, where the data are worth lending
  py::object array_;
};

/// Keeps `object` alive until the last copy dies, from any thread, with or without the GIL.
std::shared_ptr<void> OwnPython(py::object object);

/// Defines the Python class.
void DefineTensor(py::module_ &module);

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_TENSOR_H_
