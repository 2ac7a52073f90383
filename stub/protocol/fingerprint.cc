#include "stub/protocol/fingerprint.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace mlflow_triton::stub {
namespace {

constexpr std::string_view kLibraryName = "libtriton_python.so";

struct Marker {
  std::string_view text;
  Revision at_least;
};

// Newest first. `it will be restarted` (<= 24.05) separates R5 from R6 and guards the 24.10 marker; see below.
constexpr std::array<Marker, 8> kMarkers{{
    {"is_ready()", Revision::kR11},
    {"TRITONSERVER_InferenceRequestCancel", Revision::kR10},
    {"TRITONBACKEND_ResponseSetStringParameter", Revision::kR9},
    {"TRITONSERVER_MetricNewWithArgs", Revision::kR7},
    {"TRITONBACKEND_RequestCorrelationIdString", Revision::kR5},
    {"TRITONSERVER_InferenceTraceContext", Revision::kR4},
    {"TRITONBACKEND_InferenceRequestTimeoutMicroseconds", Revision::kR3},
    {"Failed to release request", Revision::kR2},
}};
constexpr std::string_view kOldestMarker = "TRITONBACKEND_ResponseFactoryIsCancelled"; // >= 23.10
constexpr std::string_view kRestartMarker = "it will be restarted";                    // <= 24.05
constexpr std::string_view kCombinedResponseMarker = "Fail to create response";        // >= 24.10 without the former

bool Contains(std::string_view bytes, std::string_view text) {
  return memmem(bytes.data(), bytes.size(), text.data(), text.size()) != nullptr;
}

/// Read-only mapping of a whole file; empty when the file cannot be read.
class MappedFile {
public:
  explicit MappedFile(const std::string &path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      return;
    }
    struct stat status{};
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
      void *address = mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
      if (address != MAP_FAILED) {
        bytes_ = std::string_view(static_cast<const char *>(address), static_cast<size_t>(status.st_size));
      }
    }
    close(fd);
  }
  ~MappedFile() {
    if (!bytes_.empty()) {
      munmap(const_cast<char *>(bytes_.data()), bytes_.size());
    }
  }
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;
  std::string_view bytes() const { return bytes_; }

private:
  std::string_view bytes_;
};

std::string MappedLibraryOf(int process) {
  std::ifstream maps("/proc/" + std::to_string(process) + "/maps");
  for (std::string line; std::getline(maps, line);) {
    const size_t slash = line.find('/');
    if (slash == std::string::npos || line.size() < slash + kLibraryName.size() + 1) {
      continue;
    }
    const std::string path = line.substr(slash);
    const size_t name = path.size() - kLibraryName.size();
    if (path.compare(name, kLibraryName.size(), kLibraryName) == 0 && path[name - 1] == '/') {
      return path;
    }
  }
  return {};
}

} // namespace

std::optional<Revision> RevisionOfLibrary(std::string_view bytes) {
  if (!Contains(bytes, kOldestMarker)) {
    return std::nullopt;
  }
  Revision revision = Revision::kR1;
  for (const Marker &marker : kMarkers) {
    if (Contains(bytes, marker.text)) {
      revision = marker.at_least;
      break;
    }
  }
  if (revision == Revision::kR5 && !Contains(bytes, kRestartMarker)) {
    return Revision::kR6;
  }
  if (revision == Revision::kR7 && Contains(bytes, kCombinedResponseMarker) && !Contains(bytes, kRestartMarker)) {
    return Revision::kR8;
  }
  return revision;
}

Fingerprint FingerprintFile(const std::string &path) {
  Fingerprint result;
  const MappedFile file(path);
  if (file.bytes().empty()) {
    return result;
  }
  result.source = path;
  result.revision = RevisionOfLibrary(file.bytes());
  result.too_old = !result.revision.has_value();
  return result;
}

Fingerprint FingerprintParent(int parent, const std::string &python_lib) {
  if (const char *given = std::getenv(kReleaseOverrideVariable); given != nullptr && *given != '\0') {
    if (const auto revision = RevisionOfRelease(given)) {
      return Fingerprint{revision, false, kReleaseOverrideVariable};
    }
  }
  std::vector<std::string> candidates;
  if (const std::string mapped = MappedLibraryOf(parent); !mapped.empty()) {
    // Through the parent's root first: it may live in another mount namespace.
    candidates.push_back("/proc/" + std::to_string(parent) + "/root" + mapped);
    candidates.push_back(mapped);
  }
  candidates.push_back(python_lib + "/" + std::string(kLibraryName));
  for (const std::string &path : candidates) {
    Fingerprint found = FingerprintFile(path);
    if (!found.source.empty()) {
      return found;
    }
  }
  return {};
}

} // namespace mlflow_triton::stub
