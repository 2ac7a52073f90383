// Copies of tensors into and out of the region.
#ifndef STUB_SHM_COPY_H_
#define STUB_SHM_COPY_H_

#include <cstddef>

namespace mlflow_triton::stub {

/// As std::memcpy. What takes a processor more than a millisecond is shared among up to four: one of them does not
/// reach the bandwidth of the memory, and while it copies nobody else has anything to do with the request.
void CopyData(char *to, const char *from, std::size_t bytes);

} // namespace mlflow_triton::stub

#endif // STUB_SHM_COPY_H_
