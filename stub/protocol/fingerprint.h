// Finding out which revision the parent speaks (spec section 0.5): the parent passes no version, so the texts inside
// its library tell.
#ifndef STUB_PROTOCOL_FINGERPRINT_H_
#define STUB_PROTOCOL_FINGERPRINT_H_

#include <optional>
#include <string>
#include <string_view>

#include "stub/protocol/revision.h"

namespace mlflow_triton::stub {

/// What was found out about the parent.
struct Fingerprint {
  /// Nothing: the library could not be read, or it is older than 23.10.
  std::optional<Revision> revision;
  /// True when a library was read and it is older than the oldest covered release.
  bool too_old = false;
  /// Where the answer comes from: a path, or the name of the override variable.
  std::string source;
};

/// Environment variable that overrides the detection, for example `24.10`.
constexpr char kReleaseOverrideVariable[] = "MLFLOW_TRITON_STUB_PARENT_RELEASE";

/// Revision of the library whose bytes are `bytes`; nothing when it is older than 23.10.
std::optional<Revision> RevisionOfLibrary(std::string_view bytes);

/// Reads the file and applies `RevisionOfLibrary`. `revision` and `too_old` are unset when it cannot be read.
Fingerprint FingerprintFile(const std::string &path);

/// Override variable, then the library mapped by process `parent`, then `<python_lib>/libtriton_python.so`.
Fingerprint FingerprintParent(int parent, const std::string &python_lib);

} // namespace mlflow_triton::stub

#endif // STUB_PROTOCOL_FINGERPRINT_H_
