#include "stub/protocol/dtype.h"

#include <array>

namespace mlflow_triton::stub {
namespace {

constexpr std::uint8_t kDlInt = 0, kDlUint = 1, kDlFloat = 2, kDlBfloat = 4, kDlBool = 6;

constexpr std::array<DTypeInfo, kDTypeCount> kTypes{{
    {"INVALID", 0, 0, 0, false},
    {"BOOL", 1, 'b', kDlBool, true},
    {"UINT8", 1, 'u', kDlUint, true},
    {"UINT16", 2, 'u', kDlUint, true},
    {"UINT32", 4, 'u', kDlUint, true},
    {"UINT64", 8, 'u', kDlUint, true},
    {"INT8", 1, 'i', kDlInt, true},
    {"INT16", 2, 'i', kDlInt, true},
    {"INT32", 4, 'i', kDlInt, true},
    {"INT64", 8, 'i', kDlInt, true},
    {"FP16", 2, 'f', kDlFloat, true},
    {"FP32", 4, 'f', kDlFloat, true},
    {"FP64", 8, 'f', kDlFloat, true},
    {"BYTES", 0, 'O', 0, false},
    {"BF16", 2, 0, kDlBfloat, true},
}};

} // namespace

const DTypeInfo &InfoOf(DType dtype) {
  const auto number = static_cast<std::size_t>(dtype);
  return number < kTypes.size() ? kTypes[number] : kTypes[0];
}

DType DTypeOfNumpy(char kind, std::size_t size) {
  if (kind == 'O' || kind == 'S') {
    return DType::kBytes;
  }
  for (int number = 1; number < kDTypeCount; ++number) {
    const DTypeInfo &info = kTypes[static_cast<std::size_t>(number)];
    if (info.numpy_kind == kind && info.size == size) {
      return static_cast<DType>(number);
    }
  }
  return DType::kInvalid;
}

DType DTypeOfDlpack(std::uint8_t code, std::uint8_t bits) {
  for (int number = 1; number < kDTypeCount; ++number) {
    const DTypeInfo &info = kTypes[static_cast<std::size_t>(number)];
    if (info.dlpack && info.dl_code == code && info.size * 8 == bits) {
      return static_cast<DType>(number);
    }
  }
  return DType::kInvalid;
}

} // namespace mlflow_triton::stub
