// The C structures of DLPack 0.x, the "legacy" form of capsules named "dltensor" (spec section 6.3).
#ifndef STUB_PYTHON_DLPACK_ABI_H_
#define STUB_PYTHON_DLPACK_ABI_H_

#include <cstdint>

namespace mlflow_triton::stub {

enum DlDeviceType : std::int32_t { kDlCpu = 1, kDlCuda = 2, kDlCudaHost = 3 };

struct DlDevice {
  std::int32_t device_type;
  std::int32_t device_id;
};

struct DlDataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};

struct DlTensor {
  void *data;
  DlDevice device;
  std::int32_t ndim;
  DlDataType dtype;
  std::int64_t *shape;
  std::int64_t *strides;
  std::uint64_t byte_offset;
};

struct DlManagedTensor {
  DlTensor dl_tensor;
  void *manager_ctx;
  void (*deleter)(DlManagedTensor *self);
};
static_assert(sizeof(DlTensor) == 48 && sizeof(DlManagedTensor) == 64);

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_DLPACK_ABI_H_
