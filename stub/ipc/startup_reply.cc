#include "stub/ipc/startup_reply.h"

#include "stub/ipc/call.h"
#include "stub/shm/chunk_pool.h"

namespace mlflow_triton::stub {
namespace {

void WriteStatus(InitializeResponseShm *status, Handle error) {
  *status = InitializeResponseShm{};
  status->has_error = error != kNoHandle ? 1 : 0;
  status->is_error_set = status->has_error;
  status->error = error;
}

/// Allocates a reply; `text` is the error, or the configuration of an auto-complete.
Handle AllocateReply(Link &link, ChunkSet &chunks, Command reply, const std::string &text, bool failed) {
  Region &region = link.region();
  Region::Lock lock(region);
  const bool completed = reply == Command::kAutoCompleteResponse && !failed;
  const Handle words = failed || completed ? chunks.AllocateText(lock, text) : kNoHandle;
  const Handle payload = chunks.Allocate(lock, sizeof(AutoCompleteResponseShm)); // the other is its beginning
  auto *fields = region.As<AutoCompleteResponseShm>(payload);
  *fields = AutoCompleteResponseShm{};
  WriteStatus(&fields->status, failed ? words : kNoHandle);
  fields->has_model_config = completed ? 1 : 0;
  fields->model_config = completed ? words : kNoHandle;
  return AllocateMessage(link, chunks, lock, reply, payload);
}

/// A reply must not be kept for further use: seen on 24.10, the server crashes when it tidies up after a failed
/// initialize and the reply is still there.
void FreeNow(Link &link, ChunkSet *chunks) {
  chunks->Clear();
  Region::Lock lock(link.region());
  link.region().pool().Trim(lock);
}

void SendAndAwaitRelease(Link &link, Command reply, const std::string &text, std::atomic<std::uint32_t> *replied) {
  ChunkSet chunks(link.region());
  link.to_parent().Push(AllocateReply(link, chunks, reply, text, false), {replied});
  link.from_parent().Pop();
  FreeNow(link, &chunks);
}

} // namespace

void ReplyInitialize(Link &link, std::atomic<std::uint32_t> *replied) {
  SendAndAwaitRelease(link, Command::kInitializeResponse, "", replied);
}

void ReplyAutoComplete(Link &link, const std::string &config_json, std::atomic<std::uint32_t> *replied) {
  SendAndAwaitRelease(link, Command::kAutoCompleteResponse, config_json, replied);
}

void ReplyFailure(Link &link, Command request, const std::string &error, const std::function<bool()> &wait) {
  ChunkSet chunks(link.region());
  const bool completing = request == Command::kAutoCompleteRequest;
  const Command reply = completing ? Command::kAutoCompleteResponse : Command::kInitializeResponse;
  link.to_parent().Push(AllocateReply(link, chunks, reply, error, true));
  while (!wait()) {
  }
  FreeNow(link, &chunks);
}

} // namespace mlflow_triton::stub
