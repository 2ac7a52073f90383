// Responses of other models out of the region (spec sections 3.11, 3.12 and 5.9).
#ifndef STUB_ENGINE_RESPONSE_READER_H_
#define STUB_ENGINE_RESPONSE_READER_H_

#include <cstdint>
#include <memory>

#include "stub/ipc/link.h"
#include "stub/python/response.h"

namespace mlflow_triton::stub {

/// A response and what the parent says about its stream.
struct ReceivedResponse {
  std::shared_ptr<InferenceResponse> response;
  std::uint64_t stream_id = 0; ///< undefined in error responses before R10
  bool is_last = true;
};

/// The response of a response batch. Its tensors stay where they are, with one reference each, so the parent may drop
/// its own afterwards. Never throws for an error of the other model: that is a response with an error. The GIL is not
/// needed.
ReceivedResponse ReadResponse(Link &link, Handle batch);

} // namespace mlflow_triton::stub

#endif // STUB_ENGINE_RESPONSE_READER_H_
