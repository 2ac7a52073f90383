#include "stub/protocol/revision.h"

#include <array>

namespace mlflow_triton::stub {
namespace {

struct ReleaseRow {
  std::string_view release;
  Revision revision;
};

// Spec section 0.4, in the order of release.
constexpr std::array<ReleaseRow, 34> kReleases{{
    {"23.10", Revision::kR1},  {"23.11", Revision::kR2},  {"23.12", Revision::kR3},  {"24.01", Revision::kR3},
    {"24.02", Revision::kR3},  {"24.03", Revision::kR4},  {"24.04", Revision::kR5},  {"24.05", Revision::kR5},
    {"24.06", Revision::kR6},  {"24.07", Revision::kR6},  {"24.08", Revision::kR7},  {"24.09", Revision::kR7},
    {"24.10", Revision::kR8},  {"24.11", Revision::kR8},  {"24.12", Revision::kR8},  {"25.01", Revision::kR8},
    {"25.02", Revision::kR9},  {"25.03", Revision::kR9},  {"25.04", Revision::kR10}, {"25.05", Revision::kR10},
    {"25.06", Revision::kR10}, {"25.07", Revision::kR10}, {"25.08", Revision::kR10}, {"25.09", Revision::kR10},
    {"25.10", Revision::kR10}, {"25.11", Revision::kR10}, {"25.12", Revision::kR10}, {"26.01", Revision::kR10},
    {"26.02", Revision::kR10}, {"26.03", Revision::kR11}, {"26.04", Revision::kR11}, {"26.05", Revision::kR11},
    {"26.06", Revision::kR11}, {"26.07", Revision::kR11},
}};

std::string_view WithoutPrefix(std::string_view release) {
  return !release.empty() && release.front() == 'r' ? release.substr(1) : release;
}

} // namespace

std::string RevisionName(Revision revision) { return "R" + std::to_string(static_cast<int>(revision)); }

std::optional<Revision> RevisionOfRelease(std::string_view release) {
  const std::string_view wanted = WithoutPrefix(release);
  for (const ReleaseRow &row : kReleases) {
    if (row.release == wanted) {
      return row.revision;
    }
  }
  return std::nullopt;
}

std::string ReleasesOf(Revision revision) {
  std::string text;
  for (const ReleaseRow &row : kReleases) {
    if (row.revision == revision) {
      text += text.empty() ? "" : ", ";
      text += row.release;
    }
  }
  return text;
}

bool ReleaseHonoursPythonVariables(std::string_view release) {
  // Release names are YY.MM, so the order of texts is the order of time.
  return WithoutPrefix(release) >= std::string_view("24.11");
}

} // namespace mlflow_triton::stub
