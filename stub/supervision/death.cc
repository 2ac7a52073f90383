#include "stub/supervision/death.h"

#include <cstring>
#include <sys/wait.h>

namespace mlflow_triton::stub {

std::string DeathText(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int signal = WTERMSIG(wait_status);
    return "was killed by signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
  }
  return "ended with exit status " + std::to_string(WEXITSTATUS(wait_status));
}

} // namespace mlflow_triton::stub
