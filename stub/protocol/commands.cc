#include "stub/protocol/commands.h"

namespace mlflow_triton::stub {
namespace {

/// Columns of the table in spec section 4.1.
enum Column { kColumnR1, kColumnR2, kColumnR3toR6, kColumnR7toR9, kColumnR10, kColumnR11, kColumns };

using Row = std::array<std::int8_t, kColumns>;

// In the order of `Command`.
constexpr std::array<Row, kCommandCount> kNumbers{{
    {0, 0, 0, 0, 0, 0},       // ExecuteRequest
    {1, 1, 1, 1, 1, 1},       // ExecuteResponse
    {2, 2, 2, 2, 2, 2},       // InitializeRequest
    {3, 3, 3, 3, 3, 3},       // InitializeResponse
    {-1, 4, 4, 4, 4, 4},      // CUDAPoolInitializeRequest
    {4, 5, 5, 5, 5, 5},       // FinalizeRequest
    {5, 6, 6, 6, 6, 6},       // FinalizeResponse
    {6, 7, 7, 7, 7, 7},       // LoadGPUBuffers
    {7, 8, 8, 8, 8, 8},       // InferExecRequest
    {8, 9, 9, 9, 9, 9},       // InferStreamExecRequest
    {9, 10, 10, 10, 10, 10},  // InferExecResponse
    {-1, 11, 11, 11, 11, 11}, // InferStreamExecResponse
    {10, 12, 12, 12, 12, 12}, // ResponseSend
    {11, 13, 13, 13, 13, 13}, // ResponseClose
    {12, 14, 14, 14, 14, 14}, // AutoCompleteRequest
    {13, 15, 15, 15, 15, 15}, // AutoCompleteResponse
    {14, 16, 16, 16, 16, 16}, // LogRequest
    {15, 17, 17, 17, 17, 17}, // infer payload cleanup
    {-1, -1, 18, 18, 18, 18}, // response factory cleanup
    {16, 18, 19, 19, 19, 19}, // MetricFamilyRequestNew
    {17, 19, 20, 20, 20, 20}, // MetricFamilyRequestDelete
    {18, 20, 21, 21, 21, 21}, // MetricRequestNew
    {19, 21, 22, 22, 22, 22}, // MetricRequestDelete
    {20, 22, 23, 23, 23, 23}, // MetricRequestValue
    {21, 23, 24, 24, 24, 24}, // MetricRequestIncrement
    {22, 24, 25, 25, 25, 25}, // MetricRequestSet
    {-1, -1, -1, 26, 26, 26}, // MetricRequestObserve
    {23, 25, 26, 27, 27, 27}, // LoadModelRequest
    {24, 26, 27, 28, 28, 28}, // UnloadModelRequest
    {25, 27, 28, 29, 29, 29}, // ModelReadinessRequest
    {26, 28, 29, 30, 30, 30}, // IsRequestCancelled
    {-1, -1, -1, -1, 31, 31}, // CancelBLSInferRequest
    {-1, -1, -1, -1, -1, 32}, // UserModelReadinessRequest
}};

constexpr Column ColumnOf(Revision revision) {
  switch (revision) {
  case Revision::kR1:
    return kColumnR1;
  case Revision::kR2:
    return kColumnR2;
  case Revision::kR3:
  case Revision::kR4:
  case Revision::kR5:
  case Revision::kR6:
    return kColumnR3toR6;
  case Revision::kR7:
  case Revision::kR8:
  case Revision::kR9:
    return kColumnR7toR9;
  case Revision::kR10:
    return kColumnR10;
  case Revision::kR11:
    break;
  }
  return kColumnR11;
}

/// Every column must count 0, 1, 2 … without a gap: a wrong digit above does not compile.
constexpr bool ColumnIsDense(int column) {
  int next = 0;
  for (const Row &row : kNumbers) {
    if (row[column] == kNoCommand) {
      continue;
    }
    if (row[column] != next++) {
      return false;
    }
  }
  return true;
}
static_assert(ColumnIsDense(kColumnR1) && ColumnIsDense(kColumnR2) && ColumnIsDense(kColumnR3toR6));
static_assert(ColumnIsDense(kColumnR7toR9) && ColumnIsDense(kColumnR10) && ColumnIsDense(kColumnR11));

} // namespace

std::int32_t CommandNumber(Revision revision, Command command) {
  return kNumbers[static_cast<size_t>(command)][ColumnOf(revision)];
}

std::optional<Command> CommandOfNumber(Revision revision, std::int32_t number) {
  if (number < 0) {
    return std::nullopt;
  }
  const Column column = ColumnOf(revision);
  for (int index = 0; index < kCommandCount; ++index) {
    if (kNumbers[static_cast<size_t>(index)][column] == number) {
      return static_cast<Command>(index);
    }
  }
  return std::nullopt;
}

} // namespace mlflow_triton::stub
