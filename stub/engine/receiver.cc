#include "stub/engine/receiver.h"

#include <thread>

#include "stub/error.h"
#include "stub/ipc/call.h"
#include "stub/python/stream.h"

namespace mlflow_triton::stub {
namespace {

/// The parent offers its CUDA memory pool: declined, it then uses plain CUDA handles. The references stay until the
/// process ends, because the parent writes to the message after dropping its own (spec section 5.16).
void DeclineCudaPool(Link &link, const IpcMessage &message) {
  Region &region = link.region();
  ChunkSet kept(region);
  auto *payload = region.As<CudaPoolShm>(message.args);
  {
    Region::Lock lock(region);
    lock.AddReference(message.args);
    payload->error = kept.AllocateText(lock, "GPU memory is not supported by this build of the stub.");
    lock.AddReference(payload->error);
    lock.AddReference(LoadAt<TextShm>(region.Payload(payload->error)).data);
  }
  payload->has_error = 1;
  payload->is_error_set = 1;
  Acknowledge(link, message);
}

void Serve(Context &context, const AskModel &is_ready, Handle handle) {
  Region &region = context.link.region();
  const IpcMessage message = *region.As<IpcMessage>(handle);
  const auto command = context.link.protocol().CommandOf(message.command);
  if (command == Command::kUserModelReadinessRequest) {
    AnswerReadiness(context, message, is_ready);
  } else if (command == Command::kCudaPoolInitializeRequest) {
    DeclineCudaPool(context.link, message);
  } else if (command == Command::kInferStreamExecResponse || !context.link.protocol().streams_have_command) {
    ReceivedResponse response = ReadResponse(context.link, message.args);
    // Acknowledged first: whoever reads the last response asks the parent to free what its sender still uses until
    // then.
    Acknowledge(context.link, message);
    StreamTable::Get().Deliver(std::move(response));
  }
}

} // namespace

void StartReceiver(Context &context, AskModel is_ready) {
  std::thread([&context, is_ready = std::move(is_ready)] {
    while (const Handle handle = context.link.from_parent_service().Pop()) {
      try {
        Serve(context, is_ready, handle);
      } catch (const StubError &error) {
        context.outbox.Log({LogLevel::kError, __FILE__, __LINE__, error.what()});
      }
      context.link.journal().page().service_message.store(kNoHandle);
    }
  }).detach();
}

} // namespace mlflow_triton::stub
