#include "stub/ipc/context.h"

#include <cassert>

namespace mlflow_triton::stub {
namespace {

Context *current = nullptr;

} // namespace

Context &CurrentContext() {
  assert(current != nullptr);
  return *current;
}

void SetContext(Context *context) { current = context; }

} // namespace mlflow_triton::stub
