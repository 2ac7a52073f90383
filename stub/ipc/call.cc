#include "stub/ipc/call.h"

#include "stub/shm/sync.h"

namespace mlflow_triton::stub {

void InitLockedHead(char *payload) {
  auto *head = reinterpret_cast<LockedHead *>(payload);
  InitSharedMutex(&head->mutex);
  InitSharedCondition(&head->condition);
  head->flag = 0;
}

Handle AllocateMessage(Link &link, ChunkSet &chunks, Region::Lock &lock, Command command, Handle args) {
  const Handle message = chunks.Allocate(lock, sizeof(IpcMessage));
  IpcMessage fields{};
  fields.command = link.protocol().Number(command);
  fields.args = args;
  *link.region().As<IpcMessage>(message) = fields;
  return message;
}

Handle AllocateInlineMessage(Link &link, ChunkSet &chunks, Region::Lock &lock, Command command, Handle args) {
  Region &region = link.region();
  const Handle message = AllocateMessage(link, chunks, lock, command, args);
  const Handle mutex = chunks.Allocate(lock, sizeof(pthread_mutex_t));
  const Handle condition = chunks.Allocate(lock, sizeof(pthread_cond_t));
  InitSharedMutex(region.As<pthread_mutex_t>(mutex));
  InitSharedCondition(region.As<pthread_cond_t>(condition));
  auto *fields = region.As<IpcMessage>(message);
  fields->inline_response = 1;
  fields->response_mutex = mutex;
  fields->response_cond = condition;
  return message;
}

void CallWithOwnLock(Link &link, ChunkSet &chunks, Command command, Handle payload,
                     const std::function<void(char *payload)> &read_reply) {
  Handle message = kNoHandle;
  {
    Region::Lock lock(link.region());
    message = AllocateMessage(link, chunks, lock, command, payload);
  }
  char *address = link.region().Payload(payload, sizeof(LockedHead));
  InitLockedHead(address);
  auto *head = reinterpret_cast<LockedHead *>(address);
  // Pushed outside of the lock: waiting on the flag loses no wake-up, and a full queue then blocks nobody else.
  CallEntry entry(link.journal(), CallForm::kOwnLock, message);
  link.to_parent_service().Push(message, {entry.pushed()});
  SharedLock lock(&head->mutex);
  lock.Wait(&head->condition, [head] { return head->flag != 0; });
  read_reply(address);
  entry.set_ended();
  head->flag = 0;
  pthread_cond_broadcast(&head->condition);
}

void SendCleanup(Link &link, Command command, std::uint64_t id, std::atomic<std::uint32_t> *receipt) {
  Region &region = link.region();
  ChunkSet chunks(region);
  Handle payload = kNoHandle, message = kNoHandle;
  {
    Region::Lock lock(region);
    // Eight bytes more than the structure, as the reference allocates (spec section 3.14).
    payload = chunks.Allocate(lock, sizeof(CleanupShm) + 8);
    message = AllocateInlineMessage(link, chunks, lock, command, payload);
  }
  char *address = region.Payload(payload, sizeof(CleanupShm));
  std::memset(address, 0, sizeof(CleanupShm));
  reinterpret_cast<CleanupShm *>(address)->id = id;
  auto *head = reinterpret_cast<LockedHead *>(address);
  const IpcMessage fields = *region.As<IpcMessage>(message);
  auto *mutex = region.As<pthread_mutex_t>(fields.response_mutex);
  auto *condition = region.As<pthread_cond_t>(fields.response_cond);
  CallEntry entry(link.journal(), CallForm::kInline, message);
  link.to_parent_service().Push(message, {entry.pushed(), receipt});
  SharedLock lock(mutex);
  lock.Wait(condition, [head] { return head->flag != 0; });
}

void Acknowledge(Link &link, const IpcMessage &message) {
  Region &region = link.region();
  auto *head = region.As<LockedHead>(message.args);
  SharedLock lock(region.As<pthread_mutex_t>(message.response_mutex));
  link.journal().page().service_message.store(kNoHandle);
  head->flag = 1;
  pthread_cond_broadcast(region.As<pthread_cond_t>(message.response_cond));
}

} // namespace mlflow_triton::stub
