#include "stub/python/stream.h"

#include <algorithm>

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

void Stream::AddLocked(ReceivedResponse received) {
  if (!abandoned_) {
    responses_.push_back(std::move(received.response));
  }
  if (received.is_last) {
    EndLocked();
  }
  arrived_.notify_all();
}

void Stream::EndLocked() {
  ended_ = true;
  if (abandoned_) {
    CleanUpLocked();
  }
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
    return stream->opened_ && stream->ended_;
  });
}

StreamTable::Streams StreamTable::OpenStreamsLocked() {
  Streams open;
  for (const auto &stream : streams_) {
    std::lock_guard<std::mutex> guard(stream->mutex_);
    if (stream->opened_ && !stream->ended_) {
      open.push_back(stream);
    }
  }
  return open;
}

std::shared_ptr<Stream> StreamTable::OnlyExpectedLocked() {
  for (const auto &stream : expected_ == 1 ? streams_ : std::list<std::shared_ptr<Stream>>()) {
    if (!stream->opened_) {
      return stream;
    }
  }
  return nullptr;
}

std::shared_ptr<Stream> StreamTable::FindLocked(std::uint64_t id) {
  for (const auto &stream : streams_) {
    if (stream->id_ == id) {
      return stream;
    }
  }
  // One that overtook its first response with an error.
  if (const auto stream = OnlyExpectedLocked(); stream && stream->id_ == 0) {
    return stream;
  }
  // One that began with an error, unless this may be of a request whose first response is still on its way.
  for (const auto &stream : expected_ == 0 ? OpenStreamsLocked() : Streams()) {
    if (stream->id_ == 0) {
      return stream;
    }
  }
  return nullptr;
}

void StreamTable::JoinLocked() {
  for (const auto &stream : OpenStreamsLocked()) {
    const auto early = std::find_if(streams_.begin(), streams_.end(), [](const auto &one) { return !one->opened_; });
    if (early == streams_.end()) {
      return;
    }
    if (stream->id_ == 0) {
      const std::shared_ptr<Stream> rest = *early;
      streams_.erase(early);
      std::lock_guard<std::mutex> guard(stream->mutex_);
      stream->id_ = rest->id_;
      for (auto &response : rest->responses_) {
        stream->AddLocked(ReceivedResponse{std::move(response), rest->id_, false});
      }
      if (rest->ended_) {
        stream->EndLocked();
      }
      stream->arrived_.notify_all();
    }
  }
}

void StreamTable::AssignLocked() {
  if (expected_ == 0) {
    JoinLocked();
    // Errors that were taken for those of the only expected stream, until another one was expected as well.
    streams_.remove_if([this](const std::shared_ptr<Stream> &stream) {
      for (std::size_t index = 0; !stream->opened_ && index < stream->responses_.size(); ++index) {
        const bool is_last = stream->ended_ && index + 1 == stream->responses_.size();
        without_stream_.push_back(ReceivedResponse{std::move(stream->responses_[index]), 0, is_last});
      }
      return !stream->opened_;
    });
    const Streams open = OpenStreamsLocked();
    if (open.size() == 1 || open.size() == without_stream_.size()) {
      for (std::size_t index = 0; index < open.size() && !without_stream_.empty(); ++index) {
        // All of them for the only stream, else one for each.
        do {
          std::lock_guard<std::mutex> guard(open[index]->mutex_);
          open[index]->AddLocked(std::move(without_stream_.front()));
          without_stream_.pop_front();
        } while (open.size() == 1 && !without_stream_.empty());
      }
    }
    if (open.empty()) {
      without_stream_.clear();
    }
  }
  ForgetEndedLocked();
}

StreamTable::Expectation::Expectation() {
  std::lock_guard<std::mutex> guard(Get().mutex_);
  ++Get().expected_;
}

StreamTable::Expectation::~Expectation() {
  if (!fulfilled_) {
    std::lock_guard<std::mutex> guard(Get().mutex_);
    --Get().expected_;
    Get().AssignLocked();
  }
}

std::shared_ptr<Stream> StreamTable::Open(ReceivedResponse first, Expectation *expectation) {
  const bool has_id = HasId(first) && first.stream_id != 0;
  std::lock_guard<std::mutex> guard(mutex_);
  std::shared_ptr<Stream> stream;
  for (const auto &early : streams_) {
    stream = has_id && !early->opened_ && early->id_ == first.stream_id ? early : stream;
  }
  if (!stream && expectation != nullptr) {
    stream = OnlyExpectedLocked();
  }
  if (!stream) {
    stream = std::make_shared<Stream>();
    streams_.push_back(stream);
  }
  {
    std::lock_guard<std::mutex> stream_guard(stream->mutex_);
    stream->id_ = has_id ? first.stream_id : stream->id_;
    stream->opened_ = true;
    stream->ended_ = stream->ended_ || first.is_last;
    stream->responses_.insert(stream->responses_.begin(), std::move(first.response));
  }
  if (expectation != nullptr) {
    // In one step, so that the stream is never counted as open and as expected.
    expectation->fulfilled_ = true;
    --expected_;
  }
  AssignLocked();
  return stream;
}

void StreamTable::Deliver(ReceivedResponse received) {
  const bool has_id = HasId(received);
  std::lock_guard<std::mutex> guard(mutex_);
  std::shared_ptr<Stream> stream;
  if (!has_id && expected_ == 1 && OpenStreamsLocked().empty()) {
    stream = OnlyExpectedLocked();
  } else if (has_id) {
    stream = FindLocked(received.stream_id);
  } else {
    if (!received.is_last && OpenStreamsLocked().size() + expected_ > 1) {
      CurrentContext().outbox.Log({LogLevel::kError, __FILE__, __LINE__,
                                   "An error response of a decoupled model cannot be assigned to one of several open "
                                   "streams: " +
                                       received.response->error->message});
    } else {
      without_stream_.push_back(std::move(received));
    }
    AssignLocked();
    return;
  }
  if (!stream) {
    stream = std::make_shared<Stream>(); // overtook the first response
    streams_.push_back(stream);
  }
  {
    std::lock_guard<std::mutex> stream_guard(stream->mutex_);
    stream->id_ = has_id ? received.stream_id : stream->id_;
    stream->AddLocked(std::move(received));
  }
  AssignLocked();
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
  without_stream_.clear();
}

} // namespace mlflow_triton::stub
