// Everything that connects this process with its parent: region, control block, queues, protocol.
#ifndef STUB_IPC_LINK_H_
#define STUB_IPC_LINK_H_

#include <atomic>
#include <memory>
#include <string>

#include "stub/ipc/journal.h"
#include "stub/launch.h"
#include "stub/protocol/revision_layout.h"
#include "stub/shm/chunk.h"
#include "stub/shm/message_queue.h"

namespace mlflow_triton::stub {

/// The connection. Built before Python starts; needs nothing of it.
class Link {
public:
  /// Opens the region and the five queues. Throws StubError.
  explicit Link(const LaunchArguments &arguments);

  Region &region() { return *region_; }
  const Protocol &protocol() const { return *protocol_; }
  void set_protocol(const Protocol &protocol) { protocol_ = &protocol; }
  bool decoupled() const { return control_->decoupled != 0; }
  bool uses_env() const { return control_->uses_env != 0; }
  IpcControl *control() { return control_; }

  MessageQueue &from_parent() { return from_parent_; }          ///< commands and 0 ("stub message queue")
  MessageQueue &to_parent() { return to_parent_; }              ///< hello and replies ("parent message queue")
  MessageQueue &to_parent_service() { return to_service_; }     ///< helper messages, s2p
  MessageQueue &from_parent_service() { return from_service_; } ///< streamed BLS responses and the like, p2s
  MessageQueue &memory_manager() { return memory_manager_; }    ///< memory release ids; never push 0

  /// What a supervisor must know should this process die; of no meaning to others where there is no supervisor.
  Journal &journal() { return *journal_; }
  /// Also notes there what is taken from the parent's queues. Returns the one before.
  std::unique_ptr<Journal> set_journal(std::unique_ptr<Journal> journal);

  /// True while the parent serves the s2p queue: from just before initialize until the end. Never during auto-complete,
  /// where a message there would wait for ever (spec section 5.1).
  bool helpers_allowed() const { return helpers_allowed_.load(std::memory_order_acquire); }
  void set_helpers_allowed(bool allowed) { helpers_allowed_.store(allowed, std::memory_order_release); }

  /// True while BLS and ResponseSend may be used: after the 0 that follows the initialize reply and before the finalize
  /// reply (spec sections 5.3 and 5.19).
  bool pool_available() const { return pool_available_.load(std::memory_order_acquire); }
  void set_pool_available(bool available) { pool_available_.store(available, std::memory_order_release); }

  /// True while requests of the server are being executed. Until R5, for non-decoupled models, the parent looks at
  /// requests of the model only then (spec section 5.9).
  void set_executing(bool executing) { executing_.store(executing, std::memory_order_release); }
  /// True while the model may send requests to other models.
  bool bls_available() const {
    return pool_available() &&
           (protocol_->bls_outlives_execute || decoupled() || executing_.load(std::memory_order_acquire));
  }

private:
  explicit Link(std::unique_ptr<Region> region, Handle control);

  std::unique_ptr<Region> region_;
  std::unique_ptr<Journal> journal_;
  const Protocol *protocol_ = &ProtocolOf(Revision::kR8);
  IpcControl *control_;
  MessageQueue from_parent_, to_parent_, to_service_, from_service_, memory_manager_;
  std::atomic<bool> helpers_allowed_{false};
  std::atomic<bool> pool_available_{false};
  std::atomic<bool> executing_{false};
};

} // namespace mlflow_triton::stub

#endif // STUB_IPC_LINK_H_
