// What a worker process leaves behind for its supervisor: its open business with the parent.
#ifndef STUB_IPC_JOURNAL_H_
#define STUB_IPC_JOURNAL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "stub/protocol/layout.h"

namespace mlflow_triton::stub {

/// How far a worker has come.
enum class Phase : std::uint32_t {
  kStarting,  ///< the reply to the first command is not released yet
  kServing,   ///< commands are taken
  kFinalized, ///< the reply to FinalizeRequest is in the queue
  kEnded,     ///< the process ends by itself
};

/// Which handshake a message is part of (spec section 4.3).
enum class CallForm : std::uint32_t {
  kOwnLock,  ///< forms A and E: the payload's flag is answered, then reset by the stub
  kResponse, ///< the same of a response, which needs its factory until then
  kInline,   ///< form B: nothing is owed after the flag
  kExchange, ///< form D: wake-ups without a flag
};

/// One message on its way to the parent, or being worked on there.
struct OpenCall {
  std::atomic<std::uint32_t> used;
  std::atomic<std::uint32_t> pushed;  ///< it is in the queue
  std::atomic<std::uint32_t> waiting; ///< kExchange: a thread of the worker waits on the message's condition
  std::atomic<std::uint32_t> ended;   ///< kOwnLock, kResponse: the reply was read; what is left is to say so
  std::atomic<std::uint32_t> copied;  ///< kResponse, kExchange: GPU buffers of the parent are filled, or given up
  CallForm form;
  Handle message;
};

/// One request of a client whose response factory exists. Both addresses are opaque values of the parent.
struct OpenRequest {
  std::atomic<std::uint32_t> used;
  std::atomic<std::uint32_t> final_sent; ///< a response with the final flag is in the queue
  std::atomic<std::uint32_t> taken;      ///< the answer to the current command decides about the factory
  std::atomic<std::uint32_t>
      deletable;                      ///< nobody answers any more; the parent is only to be asked to delete the factory
  std::atomic<std::uint32_t> deleted; ///< the parent has been asked
  std::uint64_t request;
  std::uint64_t factory;
};

/// A CUDA memory pool of the parent (spec section 5.16), which shares each one once in the life of a stub.
struct SharedPool {
  std::atomic<std::uint32_t> used;
  std::int32_t device;
  char handle[64];
};

/// The memory that worker and supervisor share. Every field is written before what it tells about happens, or inside
/// the queue's critical section in which it happens.
struct JournalPage {
  std::atomic<Phase> phase;
  std::atomic<Handle> command;            ///< the last value taken from the parent's queue
  std::atomic<std::uint32_t> answered;    ///< its answer is in the queue
  std::atomic<std::uint32_t> batch_known; ///< its requests are in `requests`
  std::atomic<Handle> service_message;    ///< taken from the parent's service queue, not acknowledged
  std::atomic<std::uint32_t> replied;     ///< the reply to the first command is in the queue
  std::atomic<std::uint32_t> debts_open;  ///< what an earlier worker owed is still being settled
  std::uint64_t mark;                     ///< of the worker's references in the region (`Region::Mark`)
  char failure[1 << 20];                  ///< why the worker cannot serve, with a final NUL

  static constexpr std::size_t kPools = 64;
  SharedPool pools[kPools]; ///< filled from the start

  static constexpr std::size_t kCalls = 4096;
  static constexpr std::size_t kRequests = 1 << 16;
  std::atomic<std::uint32_t> calls_used; ///< entries beyond were never used
  std::atomic<std::uint32_t> requests_used;
  OpenCall calls[kCalls];
  OpenRequest requests[kRequests];
};

/// Owner of a page, and the book-keeping of one process about free entries. Thread-safe.
class Journal {
public:
  /// A page that child processes share. Throws StubError.
  static std::unique_ptr<Journal> Create();
  ~Journal();
  Journal(const Journal &) = delete;
  Journal &operator=(const Journal &) = delete;

  JournalPage &page() { return *page_; }

  /// Null when all entries are in use: what does not fit is not settled after a crash, but works.
  OpenCall *AddCall(CallForm form, Handle message);
  void Remove(OpenCall *call);
  OpenRequest *AddRequest(std::uint64_t request, std::uint64_t factory);
  void Remove(OpenRequest *request);

  /// Notes a pool for later workers. Called by one thread.
  void AddPool(std::int32_t device, const char *handle);
  /// Takes over what an earlier worker noted.
  void CopyPools(const Journal &earlier);

  /// Why the worker cannot serve, cut to fit.
  void SetFailure(const std::string &text);

private:
  explicit Journal(JournalPage *page) : page_(page) {}
  static std::size_t Take(std::vector<std::uint32_t> *free, std::atomic<std::uint32_t> *used, std::size_t size);

  JournalPage *page_;
  std::mutex mutex_;
  std::vector<std::uint32_t> free_calls_, free_requests_;
};

/// An entry for the time of a call.
class CallEntry {
public:
  CallEntry(Journal &journal, CallForm form, Handle message)
      : journal_(journal), call_(journal.AddCall(form, message)) {}
  ~CallEntry() { journal_.Remove(call_); }
  CallEntry(const CallEntry &) = delete;
  CallEntry &operator=(const CallEntry &) = delete;

  /// For `MessageQueue::Push`.
  std::atomic<std::uint32_t> *pushed() { return call_ == nullptr ? nullptr : &call_->pushed; }
  /// Called before the parent is told.
  void set_ended() {
    if (call_ != nullptr) {
      call_->ended.store(1);
    }
  }
  /// Called before the parent is told.
  void set_copied() {
    if (call_ != nullptr) {
      call_->copied.store(1);
    }
  }
  void set_waiting(bool waiting) {
    if (call_ != nullptr) {
      call_->waiting.store(waiting ? 1 : 0);
    }
  }

private:
  Journal &journal_;
  OpenCall *call_;
};

} // namespace mlflow_triton::stub

#endif // STUB_IPC_JOURNAL_H_
