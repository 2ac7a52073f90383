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

/// The 0 that comes back says that the parent has read it. Then it must really be freed: seen on 24.10, the server
/// crashes when it tidies up after a failed initialize and the reply is still there.
void SendAndFree(Link &link, Handle message, ChunkSet *chunks, std::atomic<std::uint32_t> *replied) {
  link.to_parent().Push(message, {replied});
  link.from_parent().Pop();
  chunks->Clear();
  Region::Lock lock(link.region());
  link.region().pool().Trim(lock);
}

} // namespace

void ReplyInitialize(Link &link, const std::string &error, std::atomic<std::uint32_t> *replied) {
  Region &region = link.region();
  ChunkSet chunks(region);
  Handle message = kNoHandle;
  {
    Region::Lock lock(region);
    const Handle text = error.empty() ? kNoHandle : chunks.AllocateText(lock, error);
    const Handle reply = chunks.Allocate(lock, sizeof(InitializeResponseShm));
    WriteStatus(region.As<InitializeResponseShm>(reply), text);
    message = AllocateMessage(link, chunks, lock, Command::kInitializeResponse, reply);
  }
  SendAndFree(link, message, &chunks, replied);
}

void ReplyAutoComplete(Link &link, const std::string &error, const std::string &config_json,
                       std::atomic<std::uint32_t> *replied) {
  Region &region = link.region();
  ChunkSet chunks(region);
  Handle message = kNoHandle;
  {
    Region::Lock lock(region);
    const Handle text = chunks.AllocateText(lock, error.empty() ? config_json : error);
    const Handle reply = chunks.Allocate(lock, sizeof(AutoCompleteResponseShm));
    auto *fields = region.As<AutoCompleteResponseShm>(reply);
    *fields = AutoCompleteResponseShm{};
    WriteStatus(&fields->status, error.empty() ? kNoHandle : text);
    fields->has_model_config = error.empty() ? 1 : 0;
    fields->model_config = error.empty() ? text : kNoHandle;
    message = AllocateMessage(link, chunks, lock, Command::kAutoCompleteResponse, reply);
  }
  SendAndFree(link, message, &chunks, replied);
}

} // namespace mlflow_triton::stub
