// The parent's part of a region, for tests: created as spec sections 2.1 and 5.1 say.
#ifndef TESTS_STUB_PARENT_SIDE_H_
#define TESTS_STUB_PARENT_SIDE_H_

#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

#include <boost/interprocess/managed_external_buffer.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>

#include "stub/protocol/layout.h"

namespace mlflow_triton::stub {

namespace bip = boost::interprocess;

/// A region with its named objects, a control block and five queues. Removed by the destructor.
class ParentSide {
public:
  static constexpr std::uint64_t kStep = 1 << 20;

  explicit ParentSide(std::uint64_t size = 1 << 20, std::uint64_t slots = 8) {
    do { // process ids are not unique: sandboxes share the shared memory
      name_ = "stub_test_" + std::to_string(getpid()) + "_" + std::to_string(++count_);
      fd_ = shm_open(("/" + name_).c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
    } while (fd_ < 0 && errno == EEXIST);
    if (fd_ < 0 || ftruncate(fd_, static_cast<off_t>(size)) != 0) {
      abort();
    }
    Map(size);
    segment_ = bip::managed_external_buffer(bip::create_only, base_, size);
    segment_.construct<bip::interprocess_mutex>("shm_mutex")();
    *segment_.construct<std::uint64_t>("total size")() = size;
    control_ = Allocate(sizeof(IpcControl));
    auto *control = At<IpcControl>(control_);
    std::memset(static_cast<void *>(control), 0, sizeof(IpcControl));
    InitMutex(&control->stub_health_mutex);
    control->stub_message_queue = MakeQueue(slots);
    control->parent_message_queue = MakeQueue(slots);
    control->stub_to_parent_mq = MakeQueue(slots);
    control->parent_to_stub_mq = MakeQueue(slots);
    control->memory_manager_message_queue = MakeQueue(slots);
  }
  ~ParentSide() {
    Unlink();
    close(fd_);
  }
  ParentSide(const ParentSide &) = delete;
  ParentSide &operator=(const ParentSide &) = delete;

  /// Removes the name, which nobody needs any more once the region is open.
  void Unlink() {
    if (is_named_) {
      shm_unlink(("/" + name_).c_str());
    }
    is_named_ = false;
  }

  const std::string &name() const { return name_; }
  Handle control() const { return control_; }
  std::uint64_t FreeBytes() {
    const auto lock = Lock();
    return segment_.get_free_memory();
  }
  std::uint64_t &RecordedSize() { return *segment_.find<std::uint64_t>("total size").first; }
  std::uint64_t TotalSize() { return RecordedSize(); }

  template <typename T> T *At(Handle handle) { return reinterpret_cast<T *>(base_ + handle + kChunkHeaderSize); }
  std::uint32_t CountOf(Handle handle) { return *reinterpret_cast<std::uint32_t *>(base_ + handle); }
  std::uint64_t OffsetOf(const char *object) {
    return static_cast<std::uint64_t>(reinterpret_cast<char *>(segment_.find<std::uint64_t>(object).first) - base_);
  }

  Handle Allocate(std::size_t bytes) {
    const auto lock = Lock();
    auto *chunk = static_cast<char *>(segment_.allocate(bytes + kChunkHeaderSize));
    *reinterpret_cast<std::uint32_t *>(chunk) = 1;
    return chunk - base_;
  }
  void Load(Handle handle) {
    const auto lock = Lock();
    ++*reinterpret_cast<std::uint32_t *>(base_ + handle);
  }
  void Drop(Handle handle) {
    const auto lock = Lock();
    if (--*reinterpret_cast<std::uint32_t *>(base_ + handle) == 0) {
      segment_.deallocate(base_ + handle);
    }
  }
  Handle AllocateText(const std::string &text) {
    const Handle data = Allocate(text.size());
    std::memcpy(At<char>(data), text.data(), text.size());
    const Handle container = Allocate(sizeof(TextShm));
    *At<TextShm>(container) = TextShm{data, text.size()};
    return container;
  }

  /// What the parent does when it runs out of memory.
  void Grow() {
    const auto lock = Lock();
    const std::uint64_t size = TotalSize() + kStep;
    if (ftruncate(fd_, static_cast<off_t>(size)) != 0) {
      abort();
    }
    Map(size);
    segment_ = bip::managed_external_buffer(bip::open_only, base_, size);
    segment_.grow(kStep);
    RecordedSize() = size;
  }

private:
  using SharedMutex = bip::interprocess_mutex;
  bip::scoped_lock<SharedMutex> Lock() {
    return bip::scoped_lock<SharedMutex>(*segment_.find<SharedMutex>("shm_mutex").first);
  }
  void Map(std::uint64_t size) {
    void *mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    if (mapped == MAP_FAILED) {
      abort();
    }
    base_ = static_cast<char *>(mapped);
  }
  static void InitMutex(pthread_mutex_t *mutex) { new (mutex) bip::interprocess_mutex(); }
  Handle MakeQueue(std::uint64_t slots) {
    const Handle handle = Allocate(sizeof(QueueShm));
    const Handle buffer = Allocate(slots * sizeof(Handle));
    auto *queue = At<QueueShm>(handle);
    std::memset(static_cast<void *>(queue), 0, sizeof(QueueShm));
    sem_init(&queue->sem_empty, 1, static_cast<unsigned>(slots));
    sem_init(&queue->sem_full, 1, 0);
    InitMutex(&queue->mutex);
    queue->size = slots;
    queue->buffer = buffer;
    return handle;
  }

  static inline int count_ = 0;
  std::string name_;
  bool is_named_ = true;
  int fd_ = -1;
  char *base_ = nullptr;
  bip::managed_external_buffer segment_;
  Handle control_ = kNoHandle;
};

} // namespace mlflow_triton::stub

#endif // TESTS_STUB_PARENT_SIDE_H_
