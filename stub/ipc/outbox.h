// Log lines and cleanup messages on their way to the parent (spec sections 5.12 and 5.13).
#ifndef STUB_IPC_OUTBOX_H_
#define STUB_IPC_OUTBOX_H_

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "stub/ipc/link.h"

namespace mlflow_triton::stub {

/// Levels as they go over the wire (spec section 3.13).
enum class LogLevel : int { kInfo = 0, kWarning = 1, kError = 2, kVerbose = 3 };

/// One log line of the model or of the stub.
struct LogRecord {
  LogLevel level = LogLevel::kInfo;
  std::string file;
  int line = 0;
  std::string text;
};

/// The line in the server's own format, for standard error (spec section 6.9), with a final newline.
std::string FormatLogLine(const LogRecord &record);

/// Sends from a thread of its own, so that neither the model nor a destructor waits for the parent. Before `Start` (and
/// in the auto-complete phase) lines go to standard error.
class Outbox {
public:
  explicit Outbox(Link &link) : link_(link) {}
  ~Outbox() { Stop(); }
  Outbox(const Outbox &) = delete;
  Outbox &operator=(const Outbox &) = delete;

  /// Starts the thread; the parent must be serving s2p.
  void Start();
  void Log(LogRecord record);
  /// Asks for the deletion of a response factory or a stream. Nothing to do before `Start`, when none can exist, and
  /// for what the revision leaves to the parent. Takes over the request's entry of the journal, if there is one.
  void Cleanup(Command command, std::uint64_t id, OpenRequest *entry = nullptr);
  /// Waits until everything queued before has been sent.
  void Flush();
  /// Flushes and ends the thread.
  void Stop();

private:
  struct Item {
    Command command;
    LogRecord record;
    std::uint64_t id;
    OpenRequest *entry;
  };
  void Run();
  void Send(const Item &item);

  Link &link_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::deque<Item> items_;
  bool running_ = false;
  bool sending_ = false;
  bool stop_ = false;
  std::thread thread_;
};

} // namespace mlflow_triton::stub

#endif // STUB_IPC_OUTBOX_H_
