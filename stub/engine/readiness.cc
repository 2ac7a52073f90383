#include "stub/engine/readiness.h"

#include <thread>
#include <unistd.h>

#include "stub/error.h"
#include "stub/shm/sync.h"

namespace mlflow_triton::stub {
namespace {

// Five seconds, as long as the parent waits.
constexpr int kLooksForAcknowledgement = 2500;
constexpr useconds_t kMicrosecondsBetweenLooks = 2000;

void TellReadiness(Context &context, const IpcMessage &message, const AskModel &ask) {
  Region &region = context.link.region();
  bool ready = false;
  std::string error;
  try {
    ready = ask();
  } catch (const StubError &failure) {
    error = failure.what();
  }
  ChunkSet text(region);
  Handle error_handle = kNoHandle;
  if (!error.empty()) {
    Region::Lock lock(region);
    error_handle = text.AllocateText(lock, error);
  }
  auto *payload = region.As<ReadinessShm>(message.args);
  auto *mutex = region.As<pthread_mutex_t>(message.response_mutex);
  auto *flag = &reinterpret_cast<LockedHead *>(payload)->flag;
  {
    SharedLock lock(mutex);
    payload->function_exists = 1;
    payload->is_ready = ready ? 1 : 0;
    payload->has_error = error.empty() ? 0 : 1;
    payload->is_error_set = payload->has_error;
    payload->error = error_handle;
    *flag = 1;
    pthread_cond_broadcast(region.As<pthread_cond_t>(message.response_cond));
  }
  // The error text must stay until the parent has read it.
  for (int look = 0; look < kLooksForAcknowledgement; ++look) {
    {
      SharedLock lock(mutex);
      if (*flag == 0) {
        return;
      }
    }
    usleep(kMicrosecondsBetweenLooks);
  }
}

} // namespace

void AnswerReadiness(Context &context, const IpcMessage &message, AskModel ask) {
  auto chunks = std::make_shared<ChunkSet>(context.link.region());
  {
    Region::Lock lock(context.link.region());
    for (const Handle handle : {message.args, message.response_mutex, message.response_cond}) {
      chunks->Load(lock, handle);
    }
  }
  std::thread([&context, message, ask = std::move(ask), chunks] {
    try {
      TellReadiness(context, message, ask);
      chunks->Clear();
    } catch (const StubError &error) {
      context.outbox.Log({LogLevel::kError, __FILE__, __LINE__, error.what()});
    }
  }).detach();
}

} // namespace mlflow_triton::stub
