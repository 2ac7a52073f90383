// Keeping memory that every request needs again (spec section 7.1: page faults are a large part of a request's cost).
#ifndef STUB_PYTHON_MEMORY_H_
#define STUB_PYTHON_MEMORY_H_

namespace mlflow_triton::stub {

/// Lets malloc keep freed memory instead of giving it back to the system after each request: glibc adapts to a program
/// by and by, up to the limits that are set here from the start.
void KeepFreedMemory();

/// Lets Python keep some of the arenas of its small objects. To be called before Python starts, after `LoadLibpython`.
/// A request with 100,000 strings would otherwise map and unmap several of them.
void KeepPythonArenas();

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_MEMORY_H_
