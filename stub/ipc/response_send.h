// One response on its way to a client, outside of the answer to the request (spec sections 3.11 and 5.7, form E).
#ifndef STUB_IPC_RESPONSE_SEND_H_
#define STUB_IPC_RESPONSE_SEND_H_

#include <cstdint>
#include <functional>
#include <string>

#include "stub/gpu/buffers.h"
#include "stub/ipc/journal.h"
#include "stub/ipc/link.h"

namespace mlflow_triton::stub {

/// TRITONSERVER_RESPONSE_COMPLETE_FINAL: no further response follows.
constexpr std::uint32_t kResponseCompleteFinal = 1;

/// Something that becomes a response in the region.
class ResponseWriter {
public:
  virtual ~ResponseWriter() = default;
  /// Allocates every chunk of the response.
  virtual Handle Allocate(Region::Lock &lock, ChunkSet &chunks, const Protocol &protocol) = 0;
  /// Fills them. The GIL is not needed.
  virtual void Write(Link &link) const = 0;
  /// Outputs in GPU memory, for which the parent supplies buffers; they live as long as the writer.
  virtual std::vector<DeviceSpan> GpuSources() const { return {}; }
};

/// A response that is an error, with a code of spec section 3.4.
class ErrorResponse : public ResponseWriter {
public:
  ErrorResponse(std::string text, std::int32_t code) : text_(std::move(text)), code_(code) {}
  Handle Allocate(Region::Lock &lock, ChunkSet &chunks, const Protocol &protocol) override;
  void Write(Link &link) const override;

private:
  std::string text_;
  std::int32_t code_;
  Handle handle_ = kNoHandle, error_ = kNoHandle, error_text_ = kNoHandle;
};

/// What a response answers; addresses are opaque values of the parent.
struct Destination {
  std::uint64_t request = 0;
  std::uint64_t factory = 0;
};

/// Sends a response, or only flags if there is none, copies outputs in GPU memory to the parent's buffers (spec section
/// 5.8), and waits for the parent. Without the GIL. Throws StubError with the parent's text or why nothing was copied.
/// `before_push` is called when nothing can fail any more on this side; `receipt` as for `MessageQueue::Push`.
void SendResponse(Link &link, const Destination &destination, ResponseWriter *response, std::uint32_t flags,
                  const std::function<void()> &before_push, std::atomic<std::uint32_t> *receipt);

} // namespace mlflow_triton::stub

#endif // STUB_IPC_RESPONSE_SEND_H_
