// A CUDA driver for machines without a device: host memory plays device memory, and a CUDA IPC handle holds the name of
// a shared memory object. Copies happen when their stream is waited for, not before. With FAKE_CUDA_DIES in the
// environment the first one kills the process.
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace {

// CUresult
constexpr int kSuccess = 0, kInvalidValue = 1, kInvalidDevice = 101, kInvalidContext = 201, kInvalidHandle = 400,
              kIllegalAddress = 700;

constexpr int kDevices = 2;

struct Handle {
  char name[64];
};

struct Copy {
  std::uint64_t to, from;
  std::size_t bytes;
};

struct State {
  std::mutex mutex;
  std::map<std::uint64_t, std::size_t> open; // address -> size
  std::vector<Copy> copies;
  int failing_copies = 0;
};

State &TheState() {
  static State state;
  return state;
}

char contexts[kDevices];
char import_stream;
thread_local void *current = nullptr;

} // namespace

EXPORTED int cuInit(unsigned flags) { return flags == 0 ? kSuccess : kInvalidValue; }

EXPORTED int cuGetErrorString(int error, const char **text) {
  static const std::map<int, const char *> texts = {{kInvalidValue, "invalid argument"},
                                                    {kInvalidDevice, "invalid device ordinal"},
                                                    {kInvalidContext, "invalid device context"},
                                                    {kInvalidHandle, "invalid resource handle"},
                                                    {kIllegalAddress, "an illegal memory access was encountered"}};
  const auto found = texts.find(error);
  if (found == texts.end()) {
    return kInvalidValue;
  }
  *text = found->second;
  return kSuccess;
}

EXPORTED int cuDeviceGet(int *device, int ordinal) {
  *device = ordinal;
  return ordinal >= 0 && ordinal < kDevices ? kSuccess : kInvalidDevice;
}

EXPORTED int cuDevicePrimaryCtxRetain(void **context, int device) {
  *context = &contexts[device];
  return kSuccess;
}

EXPORTED int cuCtxGetCurrent(void **context) {
  *context = current;
  return kSuccess;
}

EXPORTED int cuCtxSetCurrent(void *context) {
  current = context;
  return kSuccess;
}

EXPORTED int cuIpcOpenMemHandle_v2(std::uint64_t *pointer, Handle handle, unsigned flags) {
  if (current == nullptr) {
    return kInvalidContext;
  }
  handle.name[sizeof(handle.name) - 1] = '\0';
  const int file = flags == 1 ? shm_open(handle.name, O_RDWR, 0) : -1;
  struct stat found{};
  if (file < 0 || fstat(file, &found) != 0) {
    return kInvalidHandle;
  }
  const auto size = static_cast<std::size_t>(found.st_size);
  void *mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  State &state = TheState();
  std::lock_guard<std::mutex> guard(state.mutex);
  *pointer = reinterpret_cast<std::uint64_t>(mapped);
  state.open[*pointer] = size;
  return kSuccess;
}

EXPORTED int cuIpcCloseMemHandle(std::uint64_t pointer) {
  State &state = TheState();
  std::lock_guard<std::mutex> guard(state.mutex);
  const auto found = state.open.find(pointer);
  if (current == nullptr || found == state.open.end()) {
    return current == nullptr ? kInvalidContext : kInvalidValue;
  }
  munmap(reinterpret_cast<void *>(pointer), found->second);
  state.open.erase(found);
  return kSuccess;
}

EXPORTED int cuMemcpyAsync(std::uint64_t to, std::uint64_t from, std::size_t bytes, void *stream) {
  State &state = TheState();
  std::lock_guard<std::mutex> guard(state.mutex);
  if (current == nullptr || stream != nullptr) {
    return kInvalidContext;
  }
  if (std::getenv("FAKE_CUDA_DIES") != nullptr) {
    kill(getpid(), SIGKILL);
  }
  if (state.failing_copies > 0) {
    --state.failing_copies;
    return kIllegalAddress;
  }
  state.copies.push_back({to, from, bytes});
  return kSuccess;
}

EXPORTED int cuStreamCreate(void **stream, unsigned flags) {
  *stream = &import_stream;
  return current == nullptr || flags != 1 ? kInvalidContext : kSuccess;
}

EXPORTED int cuStreamSynchronize(void *stream) {
  State &state = TheState();
  std::lock_guard<std::mutex> guard(state.mutex);
  if (current == nullptr || (stream != nullptr && stream != &import_stream)) {
    return kInvalidContext;
  }
  for (const Copy &copy : stream == nullptr ? state.copies : std::vector<Copy>()) {
    std::memcpy(reinterpret_cast<void *>(copy.to), reinterpret_cast<const void *>(copy.from), copy.bytes);
  }
  state.copies.clear();
  return kSuccess;
}

/// For tests: handles that are open.
EXPORTED int FakeCudaOpenHandles() {
  State &state = TheState();
  std::lock_guard<std::mutex> guard(state.mutex);
  return static_cast<int>(state.open.size());
}

/// For tests: lets the next copies fail.
EXPORTED void FakeCudaFailCopies(int count) {
  State &state = TheState();
  std::lock_guard<std::mutex> guard(state.mutex);
  state.failing_copies = count;
}
