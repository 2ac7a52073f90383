#include "stub/shm/copy.h"

#include <algorithm>
#include <cstring>
#include <sched.h>
#include <system_error>
#include <thread>
#include <vector>

namespace mlflow_triton::stub {
namespace {

constexpr std::size_t kWorthAThread = 4 << 20; // half a millisecond at least; a thread starts in a twentieth of it
constexpr std::size_t kMostThreads = 4;

/// Processors that this process may use.
std::size_t Processors() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? static_cast<std::size_t>(CPU_COUNT(&set)) : 1;
}

} // namespace

void CopyData(char *to, const char *from, std::size_t bytes) {
  const std::size_t wanted = std::min(bytes / kWorthAThread, kMostThreads);
  const std::size_t parts = wanted > 1 ? std::min(wanted, Processors()) : 1;
  const std::size_t part = bytes / parts;
  std::vector<std::thread> threads;
  std::size_t done = 0;
  try {
    threads.reserve(parts - 1);
    for (; threads.size() + 1 < parts; done += part) {
      threads.emplace_back([to, from, done, part] { std::memcpy(to + done, from + done, part); });
    }
  } catch (const std::system_error &) {
    // No thread to be had: the rest is copied here.
  }
  std::memcpy(to + done, from + done, bytes - done);
  for (std::thread &thread : threads) {
    thread.join();
  }
}

} // namespace mlflow_triton::stub
