// What the parent asked for first, and what is known of it: all that a worker needs to start, again and again.
#ifndef STUB_SUPERVISION_ASSIGNMENT_H_
#define STUB_SUPERVISION_ASSIGNMENT_H_

#include <map>
#include <string>

#include "stub/engine/compatibility.h"

namespace mlflow_triton::stub {

/// The first command of the parent, read out of the region.
struct Assignment {
  Command command = Command::kInitializeRequest; ///< or kAutoCompleteRequest
  std::string config;                            ///< of an auto-complete, JSON text
  std::map<std::string, std::string> args;       ///< of an initialize
  Compatibility parent;
  std::string error;          ///< why nothing of this can be done; told in the reply
  bool again = false;         ///< after the death of a worker: nobody waits for a reply
  Handle backlog = kNoHandle; ///< a command that was taken from the queue but not worked on
};

} // namespace mlflow_triton::stub

#endif // STUB_SUPERVISION_ASSIGNMENT_H_
