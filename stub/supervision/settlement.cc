#include "stub/supervision/settlement.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "stub/engine/resync.h"
#include "stub/error.h"
#include "stub/ipc/answer.h"
#include "stub/ipc/call.h"
#include "stub/ipc/cuda_pool.h"
#include "stub/ipc/response_send.h"
#include "stub/shm/chunk_pool.h"
#include "stub/supervision/call_ending.h"

namespace mlflow_triton::stub {
namespace {

constexpr std::int32_t kInternalError = 1; // spec section 3.4
constexpr int kMillisecondsForRelease = 5000;
constexpr int kMillisecondsForSends = 5000;
constexpr int kMillisecondsForStartupRelease = 1000;

/// What the parent says of the requests of a batch that lie in the region.
std::vector<Destination> DestinationsOf(Link &link, Handle batch) {
  const RequestLayout &layout = link.protocol().request;
  Region &region = link.region();
  const std::uint32_t count = region.As<RequestBatchShm>(batch)->batch_size;
  const char *list = region.Payload(batch, sizeof(RequestBatchShm) + count * sizeof(Handle)) + sizeof(RequestBatchShm);
  std::vector<Destination> found;
  for (std::uint32_t index = 0; index < count; ++index) {
    const auto request = LoadAt<Handle>(list + index * sizeof(Handle));
    const char *at = region.Payload(request, static_cast<std::size_t>(layout.size));
    found.push_back(
        {LoadAt<std::uint64_t>(at + layout.address), LoadAt<std::uint64_t>(at + layout.response_factory_address)});
  }
  return found;
}

} // namespace

Settlement::Settlement(Context &context, std::string reason, std::uint64_t mark)
    : context_(context), link_(context.link), dead_(context.link.set_journal(Journal::Create())), page_(dead_->page()),
      reason_(std::move(reason)) {
  // Taking the last word of the parent belongs to the old affairs, too.
  link_.from_parent().NoteTakenIn(&page_.command, {&page_.answered, &page_.batch_known});
  link_.region().pool().KeepNothing();
  lock_was_abandoned_ = link_.region().UnlockIfAbandoned();
  link_.region().DropMarked(mark); // of one that died as well
  link_.region().MarkReferences(mark);
}

void Settlement::AnswerCommand() {
  if (lock_was_abandoned_) {
    context_.outbox.Log({LogLevel::kWarning, __FILE__, __LINE__,
                         "Model '" + context_.name +
                             "' died while it allocated shared memory. Load it anew if it does "
                             "not work as it should."});
  }
  for (MessageQueue *queue : {&link_.from_parent(), &link_.to_parent(), &link_.to_parent_service(),
                              &link_.from_parent_service(), &link_.memory_manager()}) {
    queue->Repair();
  }
  AcknowledgeServiceMessage();
  // Beside the answer: the parent may not look at it before a handshake is over.
  CallEnding calls(link_, page_);
  std::thread ending([&calls] { calls.EndAll(); });
  AnswerTaken(calls);
  calls.Stop();
  ending.join();
}

void Settlement::AnswerTaken(const CallEnding &calls) {
  const Phase phase = page_.phase.load();
  const Handle message = page_.command.load();
  if (phase == Phase::kStarting && page_.replied.load() != 0) {
    // Either the 0 that releases the reply is still to come, or it has come and this is the next command.
    link_.from_parent().PopFor(kMillisecondsForStartupRelease);
  }
  if (phase != Phase::kServing || message == kNoHandle) {
    return;
  }
  if (page_.answered.load() != 0) {
    // The parent has the dead worker's answer but may not have read it: what it lies in is freed by `SettleRest`.
    link_.from_parent().PopFor(kMillisecondsForRelease);
    return;
  }
  if (!link_.from_parent().Empty()) {
    DrainAbandoned(link_.from_parent()); // given up; what is alive becomes the next worker's first command
    return;
  }
  auto *fields = link_.region().As<IpcMessage>(message);
  const auto command = link_.protocol().CommandOf(fields->command);
  if (command == Command::kExecuteRequest) {
    calls.AwaitResponses(kMillisecondsForSends);
    FailBatch(message);
  } else if (command == Command::kFinalizeRequest) {
    fields->command = link_.protocol().Number(Command::kFinalizeResponse);
    page_.phase.store(Phase::kFinalized);
    link_.to_parent().Push(message, {&page_.answered});
  } else if (command == Command::kLoadGpuBuffers) {
    link_.to_parent().Push(kNoHandle, {&page_.answered});
  } else {
    page_.answered.store(1); // nobody waits for an answer
  }
}

void Settlement::AcknowledgeServiceMessage() {
  const Handle handle = page_.service_message.exchange(kNoHandle);
  if (handle == kNoHandle || !link_.region().IsPlausible(handle)) {
    return;
  }
  const IpcMessage message = *link_.region().As<IpcMessage>(handle);
  if (link_.protocol().CommandOf(message.command) == Command::kUserModelReadinessRequest) {
    return; // the parent waits for a limited time
  }
  if (link_.protocol().CommandOf(message.command) == Command::kCudaPoolInitializeRequest) {
    DeclineCudaPool(link_, message, reason_);
    return;
  }
  Acknowledge(link_, message);
}

void Settlement::FailBatch(Handle message) {
  const std::vector<Destination> batch = DestinationsOf(link_, link_.region().As<IpcMessage>(message)->args);
  std::vector<std::uint64_t> alive, answered;
  const bool known = page_.batch_known.load() != 0; // else the model has not seen the requests
  for (const Destination &destination : batch) {
    bool is_alive = destination.factory != 0 && !known;
    for (std::uint32_t index = 0; index < page_.requests_used.load(); ++index) {
      OpenRequest &entry = page_.requests[index];
      const bool deleted = entry.deletable.load() != 0;
      if (entry.used.load() != 0 && !deleted && entry.factory == destination.factory &&
          entry.request == destination.request) {
        is_alive = is_alive || entry.final_sent.load() == 0;
        if (!is_alive) {
          answered.push_back(destination.factory);
        }
        entry.used.store(0); // this answer ends it
      }
    }
    if (is_alive) {
      alive.push_back(destination.factory);
    }
  }
  const FactoryOwner owner = link_.protocol().factory_owner;
  const bool some_gone = owner == FactoryOwner::kParentUnlessUnanswered && alive.size() < batch.size();
  if (some_gone) {
    // The parent can delete all factories of the batch or none (spec section 5.5).
    for (const std::uint64_t factory : alive) {
      SendCleanup(link_, Command::kResponseFactoryCleanup, factory);
    }
  }
  ChunkSet chunks(link_.region());
  const Handle answer = AllocateErrorAnswer(link_, chunks, ExecuteErrorText(link_, context_.name, reason_), some_gone);
  link_.to_parent().Push(answer, {&page_.answered});
  link_.from_parent().PopFor(kMillisecondsForRelease);
  if (owner == FactoryOwner::kStubAfterFinal) {
    alive.insert(alive.end(), answered.begin(), answered.end());
    for (const std::uint64_t factory : alive) {
      SendCleanup(link_, Command::kResponseFactoryCleanup, factory);
    }
  }
}

void Settlement::EndRequests() {
  const bool stub_deletes = link_.protocol().factory_owner == FactoryOwner::kStubAfterFinal;
  const bool can_delete = link_.protocol().Number(Command::kResponseFactoryCleanup) != kNoCommand;
  for (std::uint32_t index = 0; index < page_.requests_used.load(); ++index) {
    OpenRequest &entry = page_.requests[index];
    if (entry.used.exchange(0) == 0 || entry.deleted.load() != 0) {
      continue;
    }
    const bool answered = entry.final_sent.load() != 0 || entry.taken.load() != 0 || entry.deletable.load() != 0;
    if (!answered) {
      ErrorResponse error(ExecuteErrorText(link_, context_.name, reason_), kInternalError);
      try {
        SendResponse(link_, {entry.request, entry.factory}, &error, kResponseCompleteFinal, [] {}, nullptr);
      } catch (const StubError &refused) {
        context_.outbox.Log({LogLevel::kError, __FILE__, __LINE__, refused.what()});
      }
    }
    if (stub_deletes || (entry.deletable.load() != 0 && can_delete)) {
      SendCleanup(link_, Command::kResponseFactoryCleanup, entry.factory);
    }
  }
}

void Settlement::SettleRest() {
  context_.outbox.Start();
  context_.outbox.Log({LogLevel::kError, __FILE__, __LINE__, "Model '" + context_.name + "': " + reason_});
  CallEnding calls(link_, page_);
  std::thread ending([&calls] { calls.EndAll(); });
  calls.AwaitResponses(kMillisecondsForSends);
  EndRequests();
  ending.join();
  link_.region().DropMarked(page_.mark);
  context_.outbox.Stop();
}

} // namespace mlflow_triton::stub
