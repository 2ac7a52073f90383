#include "stub/ipc/answer.h"

#include "stub/ipc/call.h"

namespace mlflow_triton::stub {

Answer AllocateAnswer(Link &link, ChunkSet &chunks, Region::Lock &lock, std::size_t responses) {
  const Protocol &protocol = link.protocol();
  const auto batch_size = static_cast<std::size_t>(protocol.batch.size) + responses * sizeof(Handle);
  // Combined, the batch lies behind the message in one chunk.
  const std::size_t offset = protocol.combined_execute_response ? sizeof(IpcMessage) : 0;
  const Handle batch = chunks.Allocate(lock, offset + batch_size);
  char *at = link.region().Payload(batch, offset + batch_size);
  std::memset(at, 0, offset + batch_size);
  StoreAt<std::uint32_t>(at + offset + protocol.batch.batch_size, static_cast<std::uint32_t>(responses));
  if (!protocol.combined_execute_response) {
    return {AllocateMessage(link, chunks, lock, Command::kExecuteResponse, batch), at};
  }
  IpcMessage message{};
  message.command = protocol.Number(Command::kExecuteResponse);
  message.args = batch + static_cast<Handle>(offset); // by custom; not a handle that anybody follows
  StoreAt(at, message);
  return {batch, at + offset};
}

Handle AllocateErrorAnswer(Link &link, ChunkSet &chunks, const std::string &text, bool factories_gone) {
  const BatchLayout &layout = link.protocol().batch;
  Region::Lock lock(link.region());
  const Handle message = chunks.AllocateText(lock, text);
  const Answer answer = AllocateAnswer(link, chunks, lock, 0);
  StoreAt<std::uint8_t>(answer.batch + layout.has_error, 1);
  StoreAt<std::uint8_t>(answer.batch + layout.is_error_set, 1);
  StoreAt(answer.batch + layout.error, message);
  if (layout.is_response_factory_deleted != kAbsent) {
    StoreAt<std::uint8_t>(answer.batch + layout.is_response_factory_deleted, factories_gone ? 1 : 0);
  }
  return answer.message;
}

std::string ExecuteErrorText(const Link &link, const std::string &model, const std::string &reason) {
  // Where the parent prefixes errors it does so for non-decoupled models only, and the reference stub for none.
  return link.protocol().stub_prefixes_errors
             ? "Failed to process the request(s) for model '" + model + "', message: " + reason
             : reason;
}

} // namespace mlflow_triton::stub
