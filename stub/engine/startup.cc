#include "stub/engine/startup.h"

#include "stub/ipc/call.h"

namespace mlflow_triton::stub {
namespace {

void WriteStatus(InitializeResponseShm *status, Handle error) {
  *status = InitializeResponseShm{};
  status->has_error = error != kNoHandle ? 1 : 0;
  status->is_error_set = status->has_error;
  status->error = error;
}

} // namespace

void ReplyInitialize(Link &link, const std::string &error) {
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
  link.to_parent().Push(message);
  link.from_parent().Pop(); // the 0: the parent has read it
}

void ReplyAutoComplete(Link &link, const std::string &error, const std::string &config_json) {
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
  link.to_parent().Push(message);
  link.from_parent().Pop();
}

} // namespace mlflow_triton::stub
