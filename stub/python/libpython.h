// libpython, loaded when the stub already talks with its parent.
#ifndef STUB_PYTHON_LIBPYTHON_H_
#define STUB_PYTHON_LIBPYTHON_H_

namespace mlflow_triton::stub {

/// Loads `libpythonX.Y.so.1.0` of the version that the stub was compiled for and binds the Python API to it. The
/// executable itself needs no libpython: it starts, answers a trial run (spec section 1.2) and says hello without one,
/// and a missing library is a message in the load reply. Until then every function of the Python API is a null pointer.
///
/// Looks in LD_LIBRARY_PATH, where the server puts the execution environment's libraries, beside the first `python3` on
/// PATH, and in the system's library folders, in this order. Throws StubError that names the file and the places.
void LoadLibpython();

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_LIBPYTHON_H_
