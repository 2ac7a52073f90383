// A library file that may hold anything (spec section 0.5): texts that are looked for, parts of them, noise between.
#include <array>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

#include "stub/engine/compatibility.h"
#include "stub/protocol/fingerprint.h"
#include "tests/fuzz/fuzz_input.h"

using namespace mlflow_triton::stub;

namespace {

constexpr std::array<std::string_view, 11> kTexts{
    "is_ready()",
    "TRITONSERVER_InferenceRequestCancel",
    "TRITONBACKEND_ResponseSetStringParameter",
    "TRITONSERVER_MetricNewWithArgs",
    "TRITONBACKEND_RequestCorrelationIdString",
    "TRITONSERVER_InferenceTraceContext",
    "TRITONBACKEND_InferenceRequestTimeoutMicroseconds",
    "Failed to release request",
    "TRITONBACKEND_ResponseFactoryIsCancelled",
    "it will be restarted",
    "Fail to create response",
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  static const int file = memfd_create("library", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  FuzzInput input(data, size);
  std::string bytes;
  while (!input.empty()) {
    const auto step = input.Take<std::uint8_t>();
    if (step < 64) {
      bytes += kTexts[step % kTexts.size()];
    } else if (step < 128) {
      const std::string_view text = kTexts[step % kTexts.size()];
      bytes += text.substr(0, input.Take<std::uint8_t>() % text.size());
    } else {
      bytes.push_back(static_cast<char>(step));
    }
  }
  if (ftruncate(file, 0) != 0 || pwrite(file, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    std::abort();
  }
  const Fingerprint found = FingerprintFile(path);
  if (found.revision != RevisionOfLibrary(bytes) || found.too_old != (!bytes.empty() && !found.revision)) {
    std::abort();
  }
  const Compatibility answer = CheckCompatibility("24.10", found);
  if (answer.error.empty() == found.too_old) {
    std::abort();
  }
  return 0;
}
