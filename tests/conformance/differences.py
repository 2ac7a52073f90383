"""Where this project's stub deliberately behaves better than the one shipped with the server.

Everything else must be the same with both.
"""

import os

# Name of the difference -> what the shipped stub does.
TABLE = {
    "missing_libpython": "cannot start without libpython, so that the load never ends",
    "missing_model_file": "exits before it says hello, so that the load never ends",
    "text_of_exception": "aborts when the text of an exception is no valid UTF-8",
    "error_flag": "leaves a flag of error answers unset; after hundreds of them the server may not be able to stop",
    "resynchronisation": "answers abandoned requests after a pause, which crashes the server",
    "cancellation_of_made_request": "asks the server about a request it does not know, which aborts the server",
    "triton_dtype": "raises TypeError, as its enumeration has no Python type",
    "from_dlpack_numpy": "calls a consumed capsule used_dlpack; NumPy dies, as the standard says used_dltensor",
    "from_dlpack_strides": "takes every second row of a matrix for contiguous and sends the wrong rows",
}


def applies(name: str) -> bool:
    """Whether the stub under test is the shipped one; `name` must be in the table."""
    if name not in TABLE:
        raise KeyError(f"{name}: not in the table of differences; there are {sorted(TABLE)}")
    return os.environ["STUB_KIND"] == "shipped"
