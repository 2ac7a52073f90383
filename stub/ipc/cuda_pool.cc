#include "stub/ipc/cuda_pool.h"

#include <cstring>

#include "stub/error.h"
#include "stub/ipc/call.h"

namespace mlflow_triton::stub {
namespace {

IpcHandle HandleAt(const char *bytes) {
  IpcHandle handle;
  std::memcpy(handle.data(), bytes, handle.size());
  return handle;
}

/// Until the process ends: the parent writes to the message after dropping its own reference, and waiting for that
/// could block what is behind it in the queue (spec section 5.16).
void KeepMessage(Region &region, const IpcMessage &message) {
  Region::Lock lock(region);
  lock.AddReference(message.args);
}

} // namespace

void DeclineCudaPool(Link &link, const IpcMessage &message, const std::string &reason) {
  Region &region = link.region();
  auto *payload = region.As<CudaPoolShm>(message.args);
  KeepMessage(region, message);
  {
    ChunkSet text(region);
    Region::Lock lock(region);
    payload->error = text.AllocateText(lock, reason);
    lock.AddReference(payload->error); // as long as the message
    lock.AddReference(region.As<TextShm>(payload->error)->data);
  }
  payload->has_error = 1;
  payload->is_error_set = 1;
  Acknowledge(link, message);
}

void AnswerCudaPool(Link &link, const IpcMessage &message, CudaPools &pools) {
  Region &region = link.region();
  const auto *payload = region.As<CudaPoolShm>(message.args);
  try {
    pools.Open(payload->device_id, HandleAt(payload->cuda_handle));
  } catch (const StubError &error) {
    DeclineCudaPool(link, message, error.what());
    return;
  }
  link.journal().AddPool(payload->device_id, payload->cuda_handle);
  KeepMessage(region, message);
  Acknowledge(link, message);
}

void OfferNotedPools(Link &link, CudaPools &pools) {
  for (const SharedPool &pool : link.journal().page().pools) {
    if (pool.used.load() != 0) {
      pools.Offer(pool.device, HandleAt(pool.handle));
    }
  }
}

} // namespace mlflow_triton::stub
