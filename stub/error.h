// The one exception type of the stub: text meant for a person, as spec section 6.2 wants it.
#ifndef STUB_ERROR_H_
#define STUB_ERROR_H_

#include <stdexcept>
#include <string>

namespace mlflow_triton::stub {

/// A failure whose text is shown to a user: in a load reply, in a client's error or, raised into Python, as
/// `TritonModelException`.
class StubError : public std::runtime_error {
public:
  explicit StubError(const std::string &what) : std::runtime_error(what) {}
};

} // namespace mlflow_triton::stub

#endif // STUB_ERROR_H_
