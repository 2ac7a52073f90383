#include "stub/supervision/call_ending.h"

#include <algorithm>
#include <unistd.h>

#include "stub/error.h"
#include "stub/shm/abandoned.h"
#include "stub/shm/sync.h"

namespace mlflow_triton::stub {
namespace {

constexpr useconds_t kMicrosecondsBetweenLooks = 1000;
constexpr int kIdleLooks = 100; // the parent may be between taking a message and counting its reference

} // namespace

void CallEnding::EndAll(int most_looks) {
  int looks = 0;
  for (bool open = true; open && !stop_.load() && looks++ != most_looks; usleep(open ? kMicrosecondsBetweenLooks : 0)) {
    open = false;
    for (std::uint32_t index = 0; index < page_.calls_used.load(); ++index) {
      OpenCall &call = page_.calls[index];
      if (call.used.load() == 0) {
        continue;
      }
      if (End(call, &idle_looks_[index])) {
        call.used.store(0);
      } else {
        open = true;
      }
    }
  }
}

void CallEnding::AwaitResponses(int milliseconds) const {
  const auto is_open = [](const OpenCall &call) { return call.used.load() != 0 && call.form == CallForm::kResponse; };
  const OpenCall *calls = page_.calls;
  for (int waited = 0; waited < milliseconds && std::any_of(calls, calls + page_.calls_used.load(), is_open);
       ++waited) {
    usleep(kMicrosecondsBetweenLooks);
  }
}

bool CallEnding::End(OpenCall &call, int *idle_looks) {
  if (call.pushed.load() == 0) {
    return true; // the parent never heard of it
  }
  try {
    const IpcMessage message = *link_.region().As<IpcMessage>(call.message);
    switch (call.form) {
    case CallForm::kOwnLock:
    case CallForm::kResponse:
      return EndOwnLock(call, message) || ParentHasForgotten(call.message, idle_looks);
    case CallForm::kInline:
      return IsFlagged(message) || ParentHasForgotten(call.message, idle_looks);
    case CallForm::kExchange:
      return EndExchange(call, message) || ParentHasForgotten(call.message, idle_looks);
    }
  } catch (const StubError &) {
    // Nothing that could be ended lies there.
  }
  return true;
}

bool CallEnding::EndOwnLock(OpenCall &call, const IpcMessage &message) {
  auto *head = link_.region().As<LockedHead>(message.args);
  const bool died_inside = UnlockIfAbandoned(&head->mutex);
  SharedLock lock(&head->mutex);
  if (call.form == CallForm::kResponse && call.ended.load() == 0 && BuffersAreOpen(call, died_inside) &&
      link_.region().As<ResponseSendShm>(message.args)->gpu_buffers_handle != kNoHandle &&
      (head->flag != 0 || call.copied.load() != 0)) {
    // Nobody will fill the buffers; the parent sends what is there, and comes again.
    call.copied.store(1);
    head->flag = 0;
    WakePastTheDead(&head->condition);
    return false;
  }
  if (head->flag == 0 && call.ended.load() == 0) {
    return false; // the parent is not there yet
  }
  call.ended.store(1);
  head->flag = 0;
  WakePastTheDead(&head->condition);
  return true;
}

bool CallEnding::IsFlagged(const IpcMessage &message) {
  auto *mutex = link_.region().As<pthread_mutex_t>(message.response_mutex);
  UnlockIfAbandoned(mutex);
  SharedLock lock(mutex);
  return link_.region().As<LockedHead>(message.args)->flag != 0;
}

bool CallEnding::BuffersAreOpen(const OpenCall &call, bool died_inside) {
  // Noted before the parent is told, both in one critical section.
  return call.copied.load() == 0 || died_inside;
}

bool CallEnding::EndExchange(OpenCall &call, const IpcMessage &message) {
  auto *mutex = link_.region().As<pthread_mutex_t>(message.response_mutex);
  auto *condition = link_.region().As<pthread_cond_t>(message.response_cond);
  const bool died_inside = UnlockIfAbandoned(mutex);
  SharedLock lock(mutex);
  // There is no flag: one more than the dead who wait is the parent, who has the result and waits for its last word.
  const int dead = call.waiting.load() != 0 ? 1 : 0;
  if (WaitersOf(condition) <= dead) {
    return false;
  }
  const bool more = BuffersAreOpen(call, died_inside) &&
                    link_.region().As<RequestBatchShm>(message.args)->gpu_buffers_handle != kNoHandle;
  call.copied.store(1);
  WakePastTheDead(condition);
  // With inputs in GPU memory the parent waits twice (spec section 5.9): this wait must be over before the next is
  // looked for.
  for (int looks = 0; more && looks < kIdleLooks && WaitersOf(condition) > dead; ++looks) {
    usleep(kMicrosecondsBetweenLooks);
  }
  return !more;
}

bool CallEnding::ParentHasForgotten(Handle message, int *idle_looks) {
  MessageQueue &queue = link_.protocol().sender_uses_s2p ? link_.to_parent_service() : link_.to_parent();
  const bool only_ours = link_.region().CountOf(message) <= 1;
  *idle_looks = only_ours && queue.Empty() && link_.to_parent_service().Empty() ? *idle_looks + 1 : 0;
  return *idle_looks > kIdleLooks;
}

} // namespace mlflow_triton::stub
