// What a dead worker owed to the parent, done by others (spec sections 4.3, 5.5 and 5.12).
#ifndef STUB_SUPERVISION_SETTLEMENT_H_
#define STUB_SUPERVISION_SETTLEMENT_H_

#include <string>

#include "stub/ipc/context.h"

namespace mlflow_triton::stub {

class CallEnding;

/// Works through the link's journal in two steps, each in a process of its own: they wait for the parent, and the
/// supervisor must not. What cannot be settled: metrics and streams of the dead worker stay in the server until the
/// model is unloaded.
class Settlement {
public:
  /// `reason` is told to clients, e.g. "the process of model 'm' was killed by signal 9 (Killed)".
  /// What this process holds in the region is noted under `mark`, that of an earlier attempt at the same step.
  Settlement(Context &context, std::string reason, std::uint64_t mark);

  /// Step 1, before another worker may start: mends the queues, ends handshakes that block the parent, answers the
  /// command that the worker had taken, and waits until the parent has read that. A command that nobody has worked on
  /// stays in the journal, unanswered.
  void AnswerCommand();

  /// Step 2, beside the next worker: ends the requests whose senders died, waits for handshakes under way, and frees
  /// what the worker held in the region.
  void SettleRest();

private:
  void AcknowledgeServiceMessage();
  void AnswerTaken(const CallEnding &calls);
  void FailBatch(Handle message);
  void EndRequests();

  Context &context_;
  Link &link_;
  std::unique_ptr<Journal> dead_; // the dead worker's; this process keeps one of its own
  JournalPage &page_;
  std::string reason_;
  bool lock_was_abandoned_ = false;
};

} // namespace mlflow_triton::stub

#endif // STUB_SUPERVISION_SETTLEMENT_H_
