"""Where this project's stub deliberately behaves better than the one shipped with the server.

Everything else must be the same with both.
"""

import os

# Name of the difference -> what the shipped stub does.
TABLE = {
    "missing_libpython": "cannot start without libpython, so that the load never ends",
    "missing_model_file": "exits before it says hello, so that the load never ends",
    "failed_auto_complete": "lets servers before 24.06 wait for ever for another stub after a failed auto-complete",
    "bf16": "knows no BF16 before 24.08; 24.07 dies of it",
    "wrong_coroutine": "calls the result of a coroutine a coroutine before 24.04",
    "order_of_checks": "looks whether a sender is closed before it looks at what is sent, before 24.06",
    "python_of_path": "has no modules of an environment that only PATH leads to",
    "text_of_exception": "aborts when the text of an exception is no valid UTF-8",
    "error_flag": "leaves a flag of error answers unset; after hundreds of them the server may not be able to stop",
    "concurrent_sends": "sends responses of one request at once, which the server mixes up or dies of",
    "exception_after_sending": "has response factories deleted twice, which crashes the server",
    "kept_request": "keeps the model loaded for as long as the model keeps a request or its sender",
    "supervision": "stays dead when its process dies, and with it the model",
    "full_shared_memory": "dies of SIGBUS when /dev/shm is full",
    "resynchronisation": "answers abandoned requests after a pause, which crashes the server",
    "cancellation_of_made_request": "asks the server about a request it does not know, which aborts the server",
    "trace_context": "has a trace without `get_context` before 24.03",
    "triton_dtype": "raises TypeError, as its enumeration has no Python type",
    "from_dlpack_numpy": "calls a consumed capsule used_dlpack; NumPy dies, as the standard says used_dltensor",
    "from_dlpack_strides": "takes every second row of a matrix for contiguous and sends the wrong rows",
    "stream_errors": "misses errors after a decoupled model's first response; waits for ever if one is the last",
    "streams_in_threads": "waits for ever when several threads read streams",
    "dropped_streams": "keeps streams that are not read to the end, so that the server cannot stop in time",
    "stream_cancel": "has no `cancel` before 25.04",
    "bls_after_execute": "waits for ever for the answer to a request made after `execute`, before 24.06",
    "helper_race": "lets go of a metric or model call that the server still uses; at times the server aborts",
    "parameters": "takes the parameters of a request to another model as JSON text before 23.11",
    "text_correlation_id": "takes correlation ids that are texts only where the server does",
}


def applies(name: str) -> bool:
    """Whether the stub under test is the shipped one; `name` must be in the table."""
    if name not in TABLE:
        raise KeyError(f"{name}: not in the table of differences; there are {sorted(TABLE)}")
    return os.environ["STUB_KIND"] == "shipped"
