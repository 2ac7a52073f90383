// The way back to one request's client: who may still answer, and who deletes the response factory (spec sections 5.5,
// 5.7, 5.12 and 5.18).
#ifndef STUB_PYTHON_CHANNEL_H_
#define STUB_PYTHON_CHANNEL_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "stub/ipc/journal.h"
#include "stub/python/response.h"

namespace mlflow_triton::stub {

/// Shared by a request and its response sender; when the last of them dies with the factory undeleted, asks the parent
/// to delete it, where the revision leaves that to the stub (`FactoryOwner`). Thread-safe.
class Channel {
public:
  /// Addresses are opaque values of the parent; both 0 for a request made by the model.
  Channel(std::uint64_t request_address, std::uint64_t factory_address);
  ~Channel();
  Channel(const Channel &) = delete;
  Channel &operator=(const Channel &) = delete;

  /// Names that the client asked for; other outputs are dropped. Empty means all.
  std::set<std::string> requested_outputs;

  /// `InferenceResponseSender.send`. The caller holds the GIL; it is released while waiting. Throws StubError with the
  /// texts of spec section 5.7.
  void Send(const std::shared_ptr<InferenceResponse> &response, std::uint32_t flags);

  /// Asks the parent; once true, always true. Answered here when the parent must not be asked.
  bool IsCancelled();

  /// Takes over the duty of deleting the factory: true at most once, and never after a final send. Afterwards nothing
  /// can be sent. Waits for a send in progress; the caller does not hold the GIL. Until `ForgetFactory` the answer to
  /// the current command is what decides about the factory, should this process die.
  bool TakeFactory();

  /// The factory that was taken is no longer this process's business.
  void ForgetFactory();

  /// Asks the parent, some time, to delete a factory taken by `TakeFactory`.
  void CleanUpLater();

  /// True when a response went out through the sender.
  bool HasSent();

  /// Asks the parent now to delete a factory taken by `TakeFactory`, and waits. Without the GIL.
  void CleanUpNow();

  std::uint64_t factory_address() const { return factory_address_; }

private:
  void CheckMaySend(bool has_response, std::uint32_t flags) const; // mutex_ held
  void CloseLocked();                                              // a final response is on its way
  void ForgetLocked();

  std::uint64_t request_address_;
  std::uint64_t factory_address_;
  OpenRequest *entry_; // in the journal, while the factory is alive or taken
  std::mutex mutex_;   // held over a send: responses of one request go out one after the other
  bool factory_alive_; // and its deletion is our duty, or still to be caused by our answer
  bool closed_ = false;
  int sent_ = 0;
  std::atomic<bool> cancelled_{false};
};

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_CHANNEL_H_
