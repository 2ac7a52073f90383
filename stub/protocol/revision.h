// Protocol revisions R1 … R11 and the Triton releases that speak them (spec section 0.4).
#ifndef STUB_PROTOCOL_REVISION_H_
#define STUB_PROTOCOL_REVISION_H_

#include <optional>
#include <string>
#include <string_view>

namespace mlflow_triton::stub {

/// Releases of one revision share layouts, command numbers and obligations.
enum class Revision : int { kR1 = 1, kR2, kR3, kR4, kR5, kR6, kR7, kR8, kR9, kR10, kR11 };

constexpr Revision kOldestRevision = Revision::kR1;
constexpr Revision kNewestRevision = Revision::kR11;
constexpr int kRevisionCount = 11;

/// Position of `revision` in a table that starts with R1.
constexpr int RevisionIndex(Revision revision) { return static_cast<int>(revision) - 1; }

/// "R8".
std::string RevisionName(Revision revision);

/// Revision of a release text such as "24.10" or "r24.10"; nothing when the release is not covered.
std::optional<Revision> RevisionOfRelease(std::string_view release);

/// The releases of a revision for messages: "24.10, 24.11, 24.12, 25.01".
std::string ReleasesOf(Revision revision);

/// True when the reference stub of `release` reads PYTHON* variables: 24.11 and newer (spec section 1.4).
bool ReleaseHonoursPythonVariables(std::string_view release);

} // namespace mlflow_triton::stub

#endif // STUB_PROTOCOL_REVISION_H_
