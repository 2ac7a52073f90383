// How a process ended, in words.
#ifndef STUB_SUPERVISION_DEATH_H_
#define STUB_SUPERVISION_DEATH_H_

#include <string>

namespace mlflow_triton::stub {

/// For a status of `waitpid`: "was killed by signal 11 (Segmentation fault)" or "ended with exit status 3".
std::string DeathText(int wait_status);

} // namespace mlflow_triton::stub

#endif // STUB_SUPERVISION_DEATH_H_
