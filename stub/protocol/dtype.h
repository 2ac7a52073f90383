// Data types of tensors (spec sections 3.6 and 6.3).
#ifndef STUB_PROTOCOL_DTYPE_H_
#define STUB_PROTOCOL_DTYPE_H_

#include <cstddef>
#include <cstdint>

namespace mlflow_triton::stub {

/// Number of a data type on the wire.
enum class DType : std::int32_t {
  kInvalid = 0,
  kBool,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFp16,
  kFp32,
  kFp64,
  kBytes,
  kBf16,
};

constexpr int kDTypeCount = 15;

/// What the rest of the stub needs to know about one type.
struct DTypeInfo {
  const char *name;     ///< "FP32"
  std::size_t size;     ///< bytes of one element; 0 for BYTES
  char numpy_kind;      ///< 'b', 'u', 'i', 'f', 'O'; 0 when NumPy has no form for it (BF16)
  std::uint8_t dl_code; ///< DLPack type code
  bool dlpack;          ///< has a DLPack form
};

/// Row of `dtype`; the row of `kInvalid` for numbers out of range.
const DTypeInfo &InfoOf(DType dtype);

/// Type for a NumPy kind and element size, `kInvalid` when there is none. Kinds 'O' and 'S' give BYTES.
DType DTypeOfNumpy(char kind, std::size_t size);

/// Type for a DLPack code and bit width, `kInvalid` when there is none.
DType DTypeOfDlpack(std::uint8_t code, std::uint8_t bits);

} // namespace mlflow_triton::stub

#endif // STUB_PROTOCOL_DTYPE_H_
