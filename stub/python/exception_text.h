// Exceptions of user code as text (spec section 6.2).
#ifndef STUB_PYTHON_EXCEPTION_TEXT_H_
#define STUB_PYTHON_EXCEPTION_TEXT_H_

#include <string>

#include "stub/python/py.h"

namespace mlflow_triton::stub {

/// `<TypeName>: <str(value)>`, then, if there is a traceback, an empty line, `At:` and one line per frame, innermost
/// first: `  <file>(<line>): <function>`.
std::string ExceptionText(const py::error_already_set &error);

/// UTF-8 of any Python text; what UTF-8 cannot express is written as backslash escapes.
std::string Utf8Text(py::handle text);

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_EXCEPTION_TEXT_H_
