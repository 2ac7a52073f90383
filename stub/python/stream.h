// Responses of decoupled models to requests of this model, as they arrive (spec section 5.10).
#ifndef STUB_PYTHON_STREAM_H_
#define STUB_PYTHON_STREAM_H_

#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "stub/engine/response_reader.h"

namespace mlflow_triton::stub {

/// One stream. Responses are kept for iterating again. Thread-safe; the GIL is never needed, and must not be held
/// by a waiting caller.
class Stream {
public:
  /// Waits for response `index`; null when the stream ended before it.
  std::shared_ptr<InferenceResponse> At(std::size_t index);
  /// Asks the parent to cancel what has not arrived yet; harmless when all has, or again. Without the GIL. Throws
  /// StubError where the revision has no such command (R10+).
  void Cancel();
  /// Nobody will read any more: forgets the responses, now and later.
  void Abandon();

private:
  friend class StreamTable;
  void AddLocked(ReceivedResponse received);
  void EndLocked();
  void CleanUpLocked();

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<std::shared_ptr<InferenceResponse>> responses_;
  std::uint64_t id_ = 0; // 0: not known yet
  bool opened_ = false;  // the first response is known, and it was not from p2s
  bool ended_ = false;
  bool abandoned_ = false;
  bool cancelled_ = false;
  bool cleaned_up_ = false; // the parent has been asked, once, to free its side
};

/// The open streams of the process.
///
/// Error responses say whose they are from R10 on only. Before, they wait until there is no doubt: until only one
/// stream is open, or as many as there are errors that end one.
class StreamTable {
public:
  /// Lives from before a request is sent until its stream is open.
  class Expectation {
  public:
    Expectation();
    ~Expectation();
    Expectation(const Expectation &) = delete;
    Expectation &operator=(const Expectation &) = delete;

  private:
    friend class StreamTable;
    bool fulfilled_ = false;
  };
  static StreamTable &Get();

  /// A stream that starts with its first response, which ends the expectation, if there was one. Later responses may
  /// already have arrived.
  std::shared_ptr<Stream> Open(ReceivedResponse first, Expectation *expectation = nullptr);
  /// A response that came over p2s and has been acknowledged.
  void Deliver(ReceivedResponse received);
  /// Asks the parent to free its side of all streams that are still open.
  void CloseAll();

private:
  using Streams = std::vector<std::shared_ptr<Stream>>;
  /// What has already arrived for the only expected stream; null if it is not the only one.
  std::shared_ptr<Stream> OnlyExpectedLocked();
  std::shared_ptr<Stream> FindLocked(std::uint64_t id);
  Streams OpenStreamsLocked();
  void ForgetEndedLocked();
  void JoinLocked();
  void AssignLocked();

  std::mutex mutex_;
  std::list<std::shared_ptr<Stream>> streams_;
  std::list<ReceivedResponse> without_stream_; // errors of which nobody says whose they are
  std::size_t expected_ = 0;
};

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_STREAM_H_
