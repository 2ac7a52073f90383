// Handshakes with the parent's service thread (spec section 4.3).
#ifndef STUB_IPC_CALL_H_
#define STUB_IPC_CALL_H_

#include <functional>

#include "stub/ipc/link.h"

namespace mlflow_triton::stub {

/// Form A, "own lock": sends `payload` (a structure that starts with LockedHead) as `command` over s2p, waits for the
/// reply, lets `read_reply` read it and acknowledges. `read_reply` must copy what it needs and must not throw.
/// The caller does not hold the GIL. `chunks` owns the payload and gets the message.
void CallWithOwnLock(Link &link, ChunkSet &chunks, Command command, Handle payload,
                     const std::function<void(char *payload)> &read_reply);

/// Form B, "inline, no acknowledgement": asks the parent to clean up `id` (a stream or a response factory) and waits
/// until it has. The caller does not hold the GIL. `receipt` as for `MessageQueue::Push`.
void SendCleanup(Link &link, Command command, std::uint64_t id, std::atomic<std::uint32_t> *receipt = nullptr);

/// Answers a message of the parent's service queue: sets the reply flag of its payload and wakes the parent (forms B
/// and C).
void Acknowledge(Link &link, const IpcMessage &message);

/// Allocates an IPC message with all fields written.
Handle AllocateMessage(Link &link, ChunkSet &chunks, Region::Lock &lock, Command command, Handle args);

/// The same with its own mutex and condition ("inline", spec section 3.3).
Handle AllocateInlineMessage(Link &link, ChunkSet &chunks, Region::Lock &lock, Command command, Handle args);

/// Initialises the lock at the start of a payload; flag 0.
void InitLockedHead(char *payload);

} // namespace mlflow_triton::stub

#endif // STUB_IPC_CALL_H_
