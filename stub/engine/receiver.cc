#include "stub/engine/receiver.h"

#include <thread>

#include "stub/error.h"
#include "stub/ipc/call.h"
#include "stub/ipc/cuda_pool.h"
#include "stub/python/stream.h"

namespace mlflow_triton::stub {
namespace {

void Serve(Context &context, const AskModel &is_ready, Handle handle) {
  Region &region = context.link.region();
  const IpcMessage message = *region.As<IpcMessage>(handle);
  const auto command = context.link.protocol().CommandOf(message.command);
  if (command == Command::kUserModelReadinessRequest) {
    AnswerReadiness(context, message, is_ready);
  } else if (command == Command::kCudaPoolInitializeRequest) {
    AnswerCudaPool(context.link, message, CudaPools::Get());
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
  OfferNotedPools(context.link, CudaPools::Get());
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
