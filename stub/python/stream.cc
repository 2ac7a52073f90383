#include "stub/python/stream.h"

#include "stub/error.h"
#include "stub/ipc/call.h"
#include "stub/ipc/context.h"

namespace mlflow_triton::stub {
namespace {

/// Error responses carry no valid id before R10 (spec section 5.10).
bool HasId(const ReceivedResponse &received) {
  return received.response->error == nullptr || CurrentContext().link.protocol().stream_errors_have_id;
}

} // namespace

std::shared_ptr<InferenceResponse> Stream::At(std::size_t index) {
  std::unique_lock<std::mutex> guard(mutex_);
  arrived_.wait(guard, [this, index] { return ended_ || responses_.size() > index; });
  if (index < responses_.size()) {
    return responses_[index];
  }
  CleanUpLocked(); // the last response has been consumed
  return nullptr;
}

void Stream::Cancel() {
  Link &link = CurrentContext().link;
  if (link.protocol().Number(Command::kCancelBlsInferRequest) == kNoCommand) {
    throw StubError("Cancelling a request to another model needs Triton 25.04 or newer; this server is Triton " +
                    ReleasesOf(link.protocol().revision) + ".");
  }
  CancelBlsShm fields{};
  {
    std::lock_guard<std::mutex> guard(mutex_);
    if (ended_ || cancelled_ || id_ == 0) {
      return;
    }
    fields.infer_payload_id = id_;
  }
  ChunkSet chunks(link.region());
  Handle payload = kNoHandle;
  {
    Region::Lock lock(link.region());
    payload = chunks.Allocate(lock, sizeof(CancelBlsShm));
  }
  *link.region().As<CancelBlsShm>(payload) = fields;
  bool cancelled = false;
  CallWithOwnLock(link, chunks, Command::kCancelBlsInferRequest, payload, [&cancelled](char *reply) {
    cancelled = reinterpret_cast<CancelBlsShm *>(reply)->is_cancelled != 0;
  });
  std::lock_guard<std::mutex> guard(mutex_);
  cancelled_ = cancelled_ || cancelled;
}

void Stream::Abandon() {
  std::vector<std::shared_ptr<InferenceResponse>> forgotten; // destroyed by the caller, who holds the GIL
  std::lock_guard<std::mutex> guard(mutex_);
  forgotten.swap(responses_);
  abandoned_ = true;
  if (ended_) {
    CleanUpLocked();
  }
}

void Stream::Settle() {
  std::lock_guard<std::mutex> guard(mutex_);
  if (ended_ && abandoned_) {
    CleanUpLocked();
  }
}

void Stream::AddLocked(ReceivedResponse received) {
  if (!abandoned_) {
    responses_.push_back(std::move(received.response));
  }
  ended_ = ended_ || received.is_last;
  arrived_.notify_all();
}

void Stream::CleanUpLocked() {
  if (id_ != 0 && !cleaned_up_) {
    cleaned_up_ = true;
    CurrentContext().outbox.Cleanup(Command::kInferPayloadCleanup, id_);
  }
}

StreamTable &StreamTable::Get() {
  static auto *const table = new StreamTable(); // used until the process ends
  return *table;
}

void StreamTable::ForgetEndedLocked() {
  streams_.remove_if([](const std::shared_ptr<Stream> &stream) {
    std::lock_guard<std::mutex> guard(stream->mutex_);
    return stream->ended_;
  });
}

std::shared_ptr<Stream> StreamTable::FindLocked(std::uint64_t id, bool has_id) {
  std::shared_ptr<Stream> without_id;
  for (const auto &stream : streams_) {
    if (has_id && stream->id_ == id && id != 0) {
      return stream;
    }
    without_id = stream->id_ == 0 ? stream : without_id;
  }
  // Without an id: with one open stream there is no doubt whose it is.
  if (!has_id) {
    return streams_.size() == 1 ? streams_.front() : nullptr;
  }
  return without_id;
}

std::shared_ptr<Stream> StreamTable::Open(ReceivedResponse first) {
  const bool has_id = HasId(first);
  std::lock_guard<std::mutex> guard(mutex_);
  std::shared_ptr<Stream> stream;
  for (const auto &early : streams_) {
    stream = has_id && early->id_ == first.stream_id ? early : stream;
  }
  if (!stream) {
    stream = std::make_shared<Stream>();
    if (!first.is_last) {
      streams_.push_back(stream);
    }
  }
  {
    std::lock_guard<std::mutex> stream_guard(stream->mutex_);
    stream->id_ = has_id ? first.stream_id : 0;
    if (stream->responses_.empty()) {
      stream->AddLocked(std::move(first));
    } else {
      stream->responses_.insert(stream->responses_.begin(), std::move(first.response));
    }
  }
  ForgetEndedLocked();
  return stream;
}

std::shared_ptr<Stream> StreamTable::Deliver(ReceivedResponse received) {
  const bool has_id = HasId(received);
  std::lock_guard<std::mutex> guard(mutex_);
  std::shared_ptr<Stream> stream = FindLocked(received.stream_id, has_id);
  if (!stream && !has_id) {
    CurrentContext().outbox.Log({LogLevel::kError, __FILE__, __LINE__,
                                 "An error response of a decoupled model cannot be assigned to one of several open "
                                 "streams: " +
                                     received.response->error->message});
    return nullptr;
  }
  if (!stream) {
    stream = std::make_shared<Stream>(); // overtook the first response
    streams_.push_back(stream);
  }
  std::lock_guard<std::mutex> stream_guard(stream->mutex_);
  stream->id_ = stream->id_ == 0 && has_id ? received.stream_id : stream->id_;
  stream->AddLocked(std::move(received));
  return stream;
}

void StreamTable::CloseAll() {
  std::lock_guard<std::mutex> guard(mutex_);
  for (const auto &stream : streams_) {
    std::lock_guard<std::mutex> stream_guard(stream->mutex_);
    stream->ended_ = true;
    stream->CleanUpLocked();
    stream->arrived_.notify_all();
  }
  streams_.clear();
}

} // namespace mlflow_triton::stub
