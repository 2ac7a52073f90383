#include "stub/python/stream.h"

#include "stub/ipc/context.h"

namespace mlflow_triton::stub {

std::shared_ptr<InferenceResponse> Stream::At(std::size_t index) {
  std::unique_lock<std::mutex> guard(mutex_);
  arrived_.wait(guard, [this, index] { return ended_ || responses_.size() > index; });
  if (index < responses_.size()) {
    return responses_[index];
  }
  CleanUpLocked(); // the last response has been consumed
  return nullptr;
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

std::shared_ptr<Stream> StreamTable::FindLocked(std::uint64_t id, bool is_error) {
  std::shared_ptr<Stream> without_id;
  for (const auto &stream : streams_) {
    if (stream->id_ == id && id != 0) {
      return stream;
    }
    without_id = stream->id_ == 0 ? stream : without_id;
  }
  // Error responses carry no valid id before R10: with one open stream there is no doubt whose it is.
  if (is_error) {
    return streams_.size() == 1 ? streams_.front() : nullptr;
  }
  return without_id;
}

std::shared_ptr<Stream> StreamTable::Open(ReceivedResponse first) {
  const bool has_id = first.response->error == nullptr;
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
  const bool is_error = received.response->error != nullptr;
  std::lock_guard<std::mutex> guard(mutex_);
  std::shared_ptr<Stream> stream = FindLocked(received.stream_id, is_error);
  if (!stream && is_error) {
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
  stream->id_ = stream->id_ == 0 && !is_error ? received.stream_id : stream->id_;
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
