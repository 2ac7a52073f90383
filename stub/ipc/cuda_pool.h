// The parent's offer of its CUDA memory pools (spec sections 3.15 and 5.16).
#ifndef STUB_IPC_CUDA_POOL_H_
#define STUB_IPC_CUDA_POOL_H_

#include <string>

#include "stub/gpu/pools.h"
#include "stub/ipc/link.h"

namespace mlflow_triton::stub {

/// Opens the pool of a CUDAPoolInitializeRequest and answers; the journal tells later workers. A pool that cannot be
/// opened is declined: the parent then uses a CUDA IPC handle for each tensor. Throws StubError only for a message that
/// reaches outside the region.
void AnswerCudaPool(Link &link, const IpcMessage &message, CudaPools &pools);

/// Declines, with a reason.
void DeclineCudaPool(Link &link, const IpcMessage &message, const std::string &reason);

/// Makes the pools known that earlier workers were told of: the parent does not repeat itself.
void OfferNotedPools(Link &link, CudaPools &pools);

} // namespace mlflow_triton::stub

#endif // STUB_IPC_CUDA_POOL_H_
