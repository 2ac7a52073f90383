"""What can go wrong for a client, by whose fault it is."""

from __future__ import annotations

import asyncio


class ClientError(Exception):
    """Base of all errors of the client."""


class InputError(ClientError, ValueError):
    """The caller's data does not fit the model's inputs; nothing was sent."""


class ModelNotFoundError(ClientError, LookupError):
    """The server has no such model or version."""


class InferenceError(ClientError):
    """The server or the model refused the request; the text is theirs.

    Attributes:
        status: gRPC's name of the status, such as INVALID_ARGUMENT, over HTTP as well; "" where the server says none.
    """

    def __init__(self, message: str, status: str) -> None:
        super().__init__(message)
        self.status = status


class UnavailableError(InferenceError):
    """The server cannot be reached, or has no room for the request now; asking again later may help."""


class DeadlineError(InferenceError, TimeoutError):
    """The answer did not come in time."""


_KINDS: dict[str, type[InferenceError]] = {
    "DEADLINE_EXCEEDED": DeadlineError,
    "RESOURCE_EXHAUSTED": UnavailableError,
    "UNAVAILABLE": UnavailableError,
}

# How Triton's HTTP endpoint says what its gRPC endpoint says.
_HTTP_STATUS = {
    "400": "INVALID_ARGUMENT",
    "404": "NOT_FOUND",
    "409": "ALREADY_EXISTS",
    "499": "CANCELLED",
    "500": "INTERNAL",
    "501": "UNIMPLEMENTED",
    "503": "UNAVAILABLE",
    "504": "DEADLINE_EXCEEDED",
}

# Triton's words; the status that comes with them is another one for each protocol and call.
_UNKNOWN_MODEL = "Request for unknown model"


def from_triton(error: Exception) -> ClientError:
    """The client's error for an `InferenceServerException` of tritonclient."""
    status = str(getattr(error, "status", lambda: "")() or "")
    return _error(str(getattr(error, "message", lambda: "")() or error), _HTTP_STATUS.get(status, status))


def from_rpc(error: Exception) -> ClientError:
    """The client's error for a `grpc.RpcError` that tritonclient let pass."""
    code, details = getattr(error, "code", lambda: "")(), getattr(error, "details", lambda: "")()
    return _error(str(details or error), str(code))


def of_network(error: Exception) -> ClientError:
    """The client's error for a connection that failed, was lost, or said nothing for too long."""
    text = str(error) or type(error).__name__
    # Another class than TimeoutError in Python 3.10.
    if isinstance(error, (TimeoutError, asyncio.TimeoutError)):
        return DeadlineError(f"the server did not answer in time: {text}", "DEADLINE_EXCEEDED")
    return UnavailableError(text, "UNAVAILABLE")


def _error(text: str, status: str) -> ClientError:
    status = status.rpartition(".")[2]
    if status == "NOT_FOUND" or text.startswith(_UNKNOWN_MODEL):
        return ModelNotFoundError(text)
    return _KINDS.get(status, InferenceError)(text, status)
