// Starting and ending CPython inside the stub (spec section 1.4).
#ifndef STUB_PYTHON_RUNTIME_H_
#define STUB_PYTHON_RUNTIME_H_

#include <string>

namespace mlflow_triton::stub {

/// Starts CPython, which `LoadLibpython` has loaded. Its prefix comes from the first `python3` on PATH, which is how
/// execution environments select their packages: no program name is given. PYTHON* variables are ignored unless
/// `honour_environment`. Text files are UTF-8 whatever the locale of the server. Throws StubError with CPython's own
/// reason.
void StartPython(bool honour_environment);

/// Ends what user code expects to be ended: non-daemon threads joined, atexit functions run, streams flushed. The
/// interpreter itself is left as it is, for the process ends right after: destroying it under daemon threads and native
/// modules can only crash or hang, and the parent waits for the exit without limit (spec section 1.8).
void EndPython();

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_RUNTIME_H_
