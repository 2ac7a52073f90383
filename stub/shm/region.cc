#include "stub/shm/region.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <boost/interprocess/managed_external_buffer.hpp>

#include "stub/error.h"
#include "stub/shm/chunk_pool.h"
#include "stub/shm/shared_mutex.h"

namespace mlflow_triton::stub {
namespace {

namespace bip = boost::interprocess;

static_assert(BOOST_VERSION <= 108400, "newer Boost cannot find the named objects of official servers (spec 2.1)");

/// Where the named objects lie, by the handle of the control block (spec section 2.1); known of servers on x86-64.
struct NamedObjects {
  Handle control;
  std::uint64_t mutex;
  std::uint64_t total_size;
};
#if defined(__x86_64__)
constexpr std::array<NamedObjects, 2> kNamedObjects{{{336, 184, 296}, {304, 176, 272}}};
#else
constexpr std::array<NamedObjects, 0> kNamedObjects{};
#endif

constexpr Handle kChunkAlignment = 16;
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kWantedReservation = std::uint64_t{1} << 40; // addresses only; costs nothing
constexpr std::uint32_t kPlausibleCount = 64;
constexpr std::uint64_t kPendingLimit = 256;
constexpr std::uint64_t kRoomyTimes = 8; // shared memory is roomy when this many times as much is free

constexpr std::uint64_t RoundUp(std::uint64_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

std::string ErrnoText(const std::string &what) { return what + ": " + std::strerror(errno); }

/// Stands in for the type of the mutex that the parent constructed: only its address is wanted.
struct alignas(8) MutexBytes {
  char bytes[sizeof(pthread_mutex_t)];
};

} // namespace

/// The Boost allocator over the mapping; the only place that knows Boost.
class Region::Segment : public bip::managed_external_buffer {
public:
  Segment(char *address, std::uint64_t size) : bip::managed_external_buffer(bip::open_only, address, size) {}
};

Region::Region(std::string name, int fd, std::uint64_t growth_step)
    : name_(std::move(name)), fd_(fd), growth_step_(growth_step == 0 ? 1 << 20 : growth_step),
      pool_(std::make_unique<ChunkPool>(*this)) {}

Region::~Region() {
  // The mapping stays: other threads and Python objects may still point into it while the process ends.
  close(fd_);
}

std::unique_ptr<Region> Region::Open(const std::string &name, std::uint64_t growth_step, Handle control) {
  const int fd = shm_open(("/" + name).c_str(), O_RDWR | O_CLOEXEC, 0);
  if (fd < 0) {
    throw StubError(ErrnoText("cannot open the shared memory region '" + name + "'"));
  }
  std::unique_ptr<Region> region(new Region(name, fd, growth_step));
  struct stat status{};
  if (fstat(fd, &status) != 0) {
    throw StubError(ErrnoText("cannot read the size of the shared memory region '" + name + "'"));
  }
  if (status.st_size < 4096) {
    throw StubError("the shared memory region '" + name + "' has only " + std::to_string(status.st_size) + " bytes");
  }
  region->MapAll(static_cast<std::uint64_t>(status.st_size));
  region->FindNamedObjects(control);
  region->first_chunk_ = control;
  return region;
}

void Region::MapAll(std::uint64_t size) {
  void *reservation = MAP_FAILED;
  reserved_ = kWantedReservation;
  while (reservation == MAP_FAILED) {
    reservation = mmap(nullptr, reserved_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reservation == MAP_FAILED) {
      reserved_ /= 2; // an address space limit: take what there is
      if (reserved_ < RoundUp(size)) {
        throw StubError(ErrnoText("cannot reserve addresses for the shared memory region"));
      }
    }
  }
  void *mapped = mmap(reservation, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd_, 0);
  if (mapped == MAP_FAILED) {
    throw StubError(ErrnoText("cannot map the shared memory region '" + name_ + "'"));
  }
  base_.store(static_cast<char *>(mapped), std::memory_order_release);
  size_.store(size, std::memory_order_release);
  segment_ = std::make_unique<Segment>(static_cast<char *>(mapped), size);
}

void Region::FindNamedObjects(Handle control) {
  const char *base = base_.load();
  const auto mutex = segment_->find<MutexBytes>("shm_mutex");
  const auto total = segment_->find<std::uint64_t>("total size");
  const NamedObjects *row = nullptr;
  for (const NamedObjects &candidate : kNamedObjects) {
    row = candidate.control == control ? &candidate : row;
  }
  if (mutex.first != nullptr && total.first != nullptr) {
    mutex_offset_ = static_cast<std::uint64_t>(reinterpret_cast<const char *>(mutex.first) - base);
    total_offset_ = static_cast<std::uint64_t>(reinterpret_cast<const char *>(total.first) - base);
  } else if (row != nullptr) {
    mutex_offset_ = row->mutex;
    total_offset_ = row->total_size;
  } else {
    throw StubError("the shared memory region has no objects 'shm_mutex' and 'total size', and a control block at " +
                    std::to_string(control) + " is not known");
  }
  if (row != nullptr && (row->mutex != mutex_offset_ || row->total_size != total_offset_)) {
    throw StubError("the named objects of the shared memory region lie at unexpected offsets");
  }
  const auto recorded = LoadAt<std::uint64_t>(base + total_offset_);
  if (recorded != size()) {
    throw StubError("the shared memory region has " + std::to_string(size()) + " bytes but records " +
                    std::to_string(recorded));
  }
}

void Region::Extend(std::uint64_t size) {
  const std::uint64_t old_size = size_.load();
  if (size > reserved_) {
    // Only under an address space limit: move to a new place; old pointers keep their old mapping of the same pages.
    MapAll(size);
    return;
  }
  char *base = base_.load();
  // The page that the old end shares with the new part is mapped again; it shows the same memory.
  const std::uint64_t from = old_size / kPage * kPage;
  void *mapped =
      mmap(base + from, size - from, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd_, static_cast<off_t>(from));
  if (mapped == MAP_FAILED) {
    throw StubError(ErrnoText("cannot map the grown shared memory region"));
  }
  size_.store(size, std::memory_order_release);
}

void Region::Resynchronise() {
  const auto recorded = LoadAt<std::uint64_t>(base_.load() + total_offset_);
  if (recorded <= size_.load()) {
    return;
  }
  struct stat status{};
  if (fstat(fd_, &status) != 0 || recorded > static_cast<std::uint64_t>(status.st_size)) {
    throw StubError("the shared memory region '" + name_ + "' has " + std::to_string(status.st_size) +
                    " bytes but records " + std::to_string(recorded));
  }
  Extend(recorded);
}

void Region::Grow(std::uint64_t needed) {
  const std::uint64_t old_size = size_.load();
  const std::uint64_t step = growth_step_ * (needed / growth_step_ + 1);
  // Takes the pages at once: a full /dev/shm is an error here instead of a SIGBUS at first touch (spec section 2.5).
  int status = posix_fallocate(fd_, static_cast<off_t>(old_size), static_cast<off_t>(step));
  if (status == EOPNOTSUPP || status == EINVAL) {
    status = ftruncate(fd_, static_cast<off_t>(old_size + step)) == 0 ? 0 : errno;
  }
  if (status != 0) {
    throw StubError("Failed to increase the shared memory pool size for key '" + name_ + "' to " +
                    std::to_string(old_size + step) + " bytes: " + std::strerror(status));
  }
  Extend(old_size + step);
  segment_->grow(step);
  StoreAt<std::uint64_t>(base_.load() + total_offset_, old_size + step);
}

char *Region::Payload(Handle handle, std::size_t bytes, std::size_t offset) {
  if (handle <= 0 || handle % kHandleAlignment != 0) {
    throw StubError("a message refers to handle " + std::to_string(handle) + " where a chunk is needed");
  }
  const std::uint64_t start = static_cast<std::uint64_t>(handle) + kChunkHeaderSize;
  const auto is_inside = [this, start, bytes, offset] {
    const std::uint64_t size = this->size();
    return start <= size && offset <= size - start && bytes <= size - start - offset; // no sum that could wrap around
  };
  if (!is_inside()) {
    Lock(*this).Acquire(); // the parent may have grown it
    if (!is_inside()) {
      throw StubError("handle " + std::to_string(handle) + " with " + std::to_string(bytes) +
                      " bytes reaches outside the shared memory region of " + std::to_string(size()) + " bytes");
    }
  }
  return base_.load(std::memory_order_acquire) + start + offset;
}

std::uint32_t Region::CountOf(Handle handle) {
  // Read without the lock, so what the other side did before it dropped its reference must be seen.
  return __atomic_load_n(reinterpret_cast<std::uint32_t *>(Payload(handle) - kChunkHeaderSize), __ATOMIC_ACQUIRE);
}

bool Region::IsPlausible(Handle handle) {
  if (handle <= 0 || handle % kChunkAlignment != 0) {
    return false;
  }
  try {
    const std::uint32_t count = CountOf(handle);
    return count > 0 && count < kPlausibleCount;
  } catch (const StubError &) {
    return false;
  }
}

void Region::ReleaseLater(Handle handle) {
  std::size_t waiting = 0;
  {
    std::lock_guard<std::mutex> guard(pending_mutex_);
    pending_.push_back(handle);
    waiting = pending_.size();
    has_pending_.store(true, std::memory_order_release);
  }
  if (waiting > kPendingLimit) {
    FlushReleases();
  }
}

void Region::Release(Handle handle) { Lock(*this).Release(handle); }

void Region::FlushReleases() {
  if (has_pending_.load(std::memory_order_acquire)) {
    Lock(*this).Acquire();
  }
}

std::uint64_t Region::FreeBytes() {
  Lock lock(*this);
  lock.Acquire();
  pool_->Trim(lock);
  return segment_->get_free_memory();
}

void Region::Unlink() { shm_unlink(("/" + name_).c_str()); }

bool Region::UnlockIfAbandoned() { return stub::UnlockIfAbandoned(mutex()); }

void Region::DropLocked(Handle handle) {
  char *chunk = base_.load() + handle;
  Note(chunk, -1);
  const auto count = LoadAt<std::uint32_t>(chunk) - 1;
  StoreAt<std::uint32_t>(chunk, count);
  if (count == 0) {
    segment_->deallocate(chunk);
  }
}

void Region::DropPending() {
  std::lock_guard<std::mutex> guard(pending_mutex_);
  for (const Handle handle : pending_) {
    DropLocked(handle);
  }
  pending_.clear();
  std::vector<LentBlock> still_lent;
  for (const LentBlock &lent : lent_) {
    if (LoadAt<std::uint32_t>(base_.load() + lent.block) != 1) {
      still_lent.push_back(lent);
    } else {
      TakeBack(lent);
      DropLocked(lent.tensor);
    }
  }
  lent_.swap(still_lent);
  has_pending_.store(!lent_.empty(), std::memory_order_release);
}

void Region::Lock::Acquire() {
  if (held_) {
    return;
  }
  LockShared(region_.mutex());
  held_ = true;
  region_.Resynchronise(); // if it throws, the destructor unlocks
  if (region_.has_pending_.load(std::memory_order_acquire)) {
    region_.DropPending();
  }
}

Region::Lock::~Lock() {
  if (held_) {
    UnlockShared(region_.mutex());
  }
}

Handle Region::Lock::Allocate(std::size_t bytes) {
  Acquire();
  const std::size_t total = bytes + kChunkHeaderSize;
  void *chunk = region_.segment_->allocate(total, std::nothrow);
  if (chunk == nullptr) {
    region_.Grow(total);
    chunk = region_.segment_->allocate(total, std::nothrow);
  }
  if (chunk == nullptr) {
    throw StubError("cannot allocate " + std::to_string(total) + " bytes in the shared memory region");
  }
  StoreAt<std::uint32_t>(static_cast<char *>(chunk), 1);
  std::memset(static_cast<char *>(chunk) + sizeof(std::uint32_t), 0, kChunkHeaderSize - sizeof(std::uint32_t));
  region_.Note(static_cast<char *>(chunk), 1);
  return static_cast<char *>(chunk) - region_.base_.load();
}

Handle Region::Lock::AllocateIfRoomy(std::size_t bytes) {
  struct statvfs file_system{};
  const bool known = fstatvfs(region_.fd_, &file_system) == 0;
  const std::uint64_t available = known ? file_system.f_bavail * file_system.f_frsize : 0;
  return available / kRoomyTimes >= bytes ? Allocate(bytes) : kNoHandle;
}

void Region::Lock::AddReference(Handle handle) {
  Acquire();
  // The named objects, the mutex that is held now among them, lie before all chunks.
  const auto start = static_cast<std::uint64_t>(handle);
  const bool is_inside = handle > 0 && handle % kHandleAlignment == 0 && start > region_.total_offset_ &&
                         start + kChunkHeaderSize <= region_.size();
  char *chunk = is_inside ? region_.base_.load() + handle : nullptr;
  if (chunk == nullptr || LoadAt<std::uint32_t>(chunk) == 0) {
    throw StubError("a message refers to handle " + std::to_string(handle) + ", which is no live chunk");
  }
  StoreAt<std::uint32_t>(chunk, LoadAt<std::uint32_t>(chunk) + 1);
  region_.Note(chunk, 1);
}

void Region::Lock::Release(Handle handle) {
  Acquire();
  region_.DropLocked(handle);
}

} // namespace mlflow_triton::stub
