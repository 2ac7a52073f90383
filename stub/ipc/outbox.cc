#include "stub/ipc/outbox.h"

#include <cstdio>
#include <ctime>
#include <sys/time.h>
#include <unistd.h>

#include "stub/error.h"
#include "stub/ipc/call.h"

namespace mlflow_triton::stub {
namespace {

void SendLog(Link &link, const LogRecord &record) {
  Region &region = link.region();
  ChunkSet chunks(region);
  LogShm fields{};
  Handle payload = kNoHandle;
  {
    Region::Lock lock(region);
    payload = chunks.Allocate(lock, sizeof(LogShm));
    fields.filename = chunks.AllocateText(lock, record.file);
    fields.message = chunks.AllocateText(lock, record.text);
  }
  fields.line = record.line;
  fields.level = static_cast<std::int32_t>(record.level);
  *region.As<LogShm>(payload) = fields;
  CallWithOwnLock(link, chunks, Command::kLogRequest, payload, [](char *) {});
}

void WriteToStandardError(const LogRecord &record) {
  const std::string line = FormatLogLine(record);
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
}

} // namespace

std::string FormatLogLine(const LogRecord &record) {
  timeval now{};
  gettimeofday(&now, nullptr);
  tm utc{};
  gmtime_r(&now.tv_sec, &utc);
  const char letter = record.level == LogLevel::kError ? 'E' : record.level == LogLevel::kWarning ? 'W' : 'I';
  const std::string file = record.file.substr(record.file.rfind('/') + 1);
  char head[64];
  std::snprintf(head, sizeof(head), "%c%02d%02d %02d:%02d:%02d.%06ld %d ", letter, utc.tm_mon + 1, utc.tm_mday,
                utc.tm_hour, utc.tm_min, utc.tm_sec, static_cast<long>(now.tv_usec), static_cast<int>(getpid()));
  return head + file + ":" + std::to_string(record.line) + "]  " + record.text + "\n";
}

void Outbox::Start() {
  std::lock_guard<std::mutex> guard(mutex_);
  if (!running_) {
    running_ = true;
    thread_ = std::thread([this] { Run(); });
  }
}

void Outbox::Log(LogRecord record) {
  {
    std::lock_guard<std::mutex> guard(mutex_);
    if (running_) {
      items_.push_back(Item{Command::kLogRequest, std::move(record), 0, nullptr});
      wake_.notify_one();
      return;
    }
  }
  WriteToStandardError(record);
}

void Outbox::Cleanup(Command command, std::uint64_t id, OpenRequest *entry) {
  if (entry != nullptr) {
    entry->deletable.store(1);
  }
  std::lock_guard<std::mutex> guard(mutex_);
  if (running_ && link_.protocol().Number(command) != kNoCommand) {
    items_.push_back(Item{command, {}, id, entry});
    wake_.notify_one();
  } else {
    link_.journal().Remove(entry);
  }
}

void Outbox::Flush() {
  std::unique_lock<std::mutex> guard(mutex_);
  idle_.wait(guard, [this] { return !running_ || (items_.empty() && !sending_); });
}

void Outbox::Stop() {
  {
    std::lock_guard<std::mutex> guard(mutex_);
    if (!running_) {
      return;
    }
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
  std::lock_guard<std::mutex> guard(mutex_);
  running_ = false;
}

void Outbox::Send(const Item &item) {
  try {
    if (item.command == Command::kLogRequest) {
      SendLog(link_, item.record);
    } else {
      SendCleanup(link_, item.command, item.id, item.entry == nullptr ? nullptr : &item.entry->deleted);
    }
  } catch (const StubError &error) {
    WriteToStandardError(LogRecord{LogLevel::kError, __FILE__, __LINE__, error.what()});
    if (item.command == Command::kLogRequest) {
      WriteToStandardError(item.record);
    }
  }
  link_.journal().Remove(item.entry);
}

void Outbox::Run() {
  std::unique_lock<std::mutex> guard(mutex_);
  while (true) {
    wake_.wait(guard, [this] { return stop_ || !items_.empty(); });
    if (items_.empty()) {
      return; // stop, and everything is sent
    }
    const Item item = std::move(items_.front());
    items_.pop_front();
    sending_ = true;
    guard.unlock();
    Send(item);
    guard.lock();
    sending_ = false;
    if (items_.empty()) {
      idle_.notify_all();
    }
  }
}

} // namespace mlflow_triton::stub
