#include "stub/ipc/response_send.h"

#include <chrono>

#include "stub/error.h"
#include "stub/ipc/call.h"
#include "stub/shm/spin.h"
#include "stub/shm/sync.h"

namespace mlflow_triton::stub {
namespace {

constexpr std::chrono::microseconds kSpinForReply{50};

/// Text of a failed send. Never throws: the parent waits for the acknowledgement.
std::string ReadReplyError(Region &region, const ResponseSendShm &reply) {
  try {
    if (reply.is_error_set != 0) {
      return ReadText(region, reply.error);
    }
  } catch (const StubError &) {
    // Only with a corrupt reply.
  }
  return "An error occurred while sending a response.";
}

/// Fills the parent's buffers. Returns what went wrong: the parent waits for this side's word in any case.
std::string CopyGpuOutputs(Link &link, const ResponseSendShm &reply, const ResponseWriter *response) {
  try {
    FillGpuBuffers(link.region(), link.protocol().memory, reply.gpu_buffers_handle,
                   response != nullptr ? response->GpuSources() : std::vector<DeviceSpan>(), CudaPools::Get());
    return {};
  } catch (const StubError &error) {
    return error.what();
  }
}

} // namespace

Handle ErrorResponse::Allocate(Region::Lock &lock, ChunkSet &chunks, const Protocol &protocol) {
  handle_ = chunks.Allocate(lock, static_cast<std::size_t>(protocol.response.size));
  error_ = chunks.Allocate(lock, sizeof(ErrorShm));
  error_text_ = chunks.AllocateText(lock, text_);
  return handle_;
}

void ErrorResponse::Write(Link &link) const {
  const ResponseLayout &layout = link.protocol().response;
  char *at = link.region().Payload(handle_, static_cast<std::size_t>(layout.size));
  std::memset(at, 0, static_cast<std::size_t>(layout.size));
  *link.region().As<ErrorShm>(error_) = ErrorShm{code_, 0, error_text_};
  StoreAt<std::uint8_t>(at + layout.is_last_response, 1);
  StoreAt(at + layout.error, error_);
  StoreAt<std::uint8_t>(at + layout.has_error, 1);
  StoreAt<std::uint8_t>(at + layout.is_error_set, 1);
}

void SendResponse(Link &link, const Destination &destination, ResponseWriter *response, std::uint32_t flags,
                  const std::function<void()> &before_push, std::atomic<std::uint32_t> *receipt) {
  Region &region = link.region();
  ChunkSet chunks(region);
  Handle payload = kNoHandle, message = kNoHandle;
  ResponseSendShm fields{};
  {
    Region::Lock lock(region);
    payload = chunks.Allocate(lock, sizeof(ResponseSendShm));
    fields.response = response == nullptr ? kNoHandle : response->Allocate(lock, chunks, link.protocol());
    message = AllocateMessage(link, chunks, lock, Command::kResponseSend, payload);
  }
  if (response != nullptr) {
    response->Write(link);
  }
  fields.request_address = destination.request;
  fields.response_factory_address = destination.factory;
  fields.flags = flags;
  auto *shared = region.As<ResponseSendShm>(payload);
  *shared = fields;
  InitLockedHead(reinterpret_cast<char *>(shared));
  MessageQueue &queue = link.protocol().sender_uses_s2p ? link.to_parent_service() : link.to_parent();
  CallEntry entry(link.journal(), CallForm::kResponse, message);
  std::string error;
  before_push();
  queue.Push(message, {receipt, entry.pushed()});
  SpinUntil(kSpinForReply, [shared] { return __atomic_load_n(&shared->is_stub_turn, __ATOMIC_ACQUIRE) != 0; });
  {
    SharedLock lock(&shared->mutex);
    const auto stub_turn = [shared] { return shared->is_stub_turn != 0; };
    lock.Wait(&shared->condition, stub_turn);
    if (shared->gpu_buffers_handle != kNoHandle) {
      error = CopyGpuOutputs(link, *shared, response);
      entry.set_copied();
      shared->is_stub_turn = 0;
      pthread_cond_broadcast(&shared->condition);
      lock.Wait(&shared->condition, stub_turn);
    }
    if (shared->has_error != 0) {
      error = ReadReplyError(region, *shared);
    }
    entry.set_ended();
    shared->is_stub_turn = 0;
    pthread_cond_broadcast(&shared->condition);
  }
  if (!error.empty()) {
    throw StubError(error);
  }
}

} // namespace mlflow_triton::stub
