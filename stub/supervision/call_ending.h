// The stub's part in handshakes whose stub died (spec section 4.3).
#ifndef STUB_SUPERVISION_CALL_ENDING_H_
#define STUB_SUPERVISION_CALL_ENDING_H_

#include <array>

#include "stub/ipc/link.h"

namespace mlflow_triton::stub {

/// Ends every call of the journal, each as its form demands, as soon as the parent is ready for it.
class CallEnding {
public:
  static constexpr int kForEver = -1;

  /// `page` is that of the dead process; the calling one has its own.
  CallEnding(Link &link, JournalPage &page) : link_(link), page_(page) {}

  /// Returns when no call is open, which may take as long as a request to another model, after `Stop`, or after so many
  /// looks, a millisecond each.
  void EndAll(int most_looks = kForEver);

  /// Waits, at most `milliseconds`, until another thread's `EndAll` has ended all responses: while the parent sends
  /// one, nobody may have its factory deleted.
  void AwaitResponses(int milliseconds) const;

  /// From another thread: what is still open stays so.
  void Stop() { stop_.store(true); }

private:
  bool End(OpenCall &call, int *idle_looks);
  bool EndOwnLock(OpenCall &call, const IpcMessage &message);
  bool IsFlagged(const IpcMessage &message);
  bool EndExchange(OpenCall &call, const IpcMessage &message);
  static bool BuffersAreOpen(const OpenCall &call, bool died_inside);
  bool ParentHasForgotten(Handle message, int *idle_looks);

  Link &link_;
  JournalPage &page_;
  std::atomic<bool> stop_{false};
  std::array<int, JournalPage::kCalls> idle_looks_{};
};

} // namespace mlflow_triton::stub

#endif // STUB_SUPERVISION_CALL_ENDING_H_
