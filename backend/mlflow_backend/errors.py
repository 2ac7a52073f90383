"""Errors with a code that Triton's clients see.

A code is the name of an attribute of Triton's `TritonError`; the server turns it into an HTTP status (INVALID_ARG is
400, NOT_FOUND 404, CANCELLED 499, INTERNAL 500, UNSUPPORTED 501, UNAVAILABLE 503) and a gRPC status.
"""

from __future__ import annotations

from mlflow_backend import memory

# What MLflow's own scoring server answers for an exception of the model is 400, so an exception without a code of its
# own is INVALID_ARG. Left: error codes of `mlflow.exceptions.MlflowException`.
_MLFLOW_CODES = {
    "ABORTED": "UNAVAILABLE",
    "CANCELLED": "CANCELLED",
    "DEADLINE_EXCEEDED": "UNAVAILABLE",
    "ENDPOINT_NOT_FOUND": "NOT_FOUND",
    "NOT_FOUND": "NOT_FOUND",
    "NOT_IMPLEMENTED": "UNSUPPORTED",
    "REQUEST_LIMIT_EXCEEDED": "UNAVAILABLE",
    "RESOURCE_DOES_NOT_EXIST": "NOT_FOUND",
    "RESOURCE_EXHAUSTED": "UNAVAILABLE",
    "TEMPORARILY_UNAVAILABLE": "UNAVAILABLE",
}

# Tracebacks and whole batches of data do not belong into an answer.
_LONGEST_MESSAGE = 4000


class BackendError(Exception):
    """Base of all errors of the backend; `code` names an attribute of `TritonError`."""

    code = "INTERNAL"


class MetadataError(BackendError):
    """The model folder cannot be understood: no `MLmodel`, or one that cannot be parsed."""


class SchemaError(BackendError):
    """The signature holds something that Triton tensors cannot carry."""

    code = "UNSUPPORTED"


class ConfigMismatchError(BackendError):
    """`config.pbtxt` contradicts the signature."""

    code = "INVALID_ARG"


class RequestError(BackendError):
    """The client's request is wrong."""

    code = "INVALID_ARG"


class PredictError(BackendError):
    """The model refused the input or failed on it."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class CancelledError(BackendError):
    """Nobody waits for the answer any more."""

    code = "CANCELLED"


class OutputError(BackendError):
    """The model's answer does not fit its signature."""


def from_exception(error: BaseException, doing: str = "predict") -> BackendError:
    """The backend's error for whatever was raised while `doing`; the message names the exception's type."""
    if isinstance(error, BackendError):
        return error
    code = "INVALID_ARG"
    exhausted = memory.is_exhausted(error)
    if exhausted:
        code = "UNAVAILABLE"
    elif type(error).__name__ == "MlflowException":
        code = _MLFLOW_CODES.get(str(getattr(error, "error_code", "")), "INVALID_ARG")
    text = f"{doing} failed: {type(error).__name__}: {error}"
    if len(text) > _LONGEST_MESSAGE:
        text = text[:_LONGEST_MESSAGE] + " …"
    if exhausted and memory.describe():
        text += f" ({memory.describe()})"
    return PredictError(text, code)
