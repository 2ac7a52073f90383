"""What can go wrong for a client, by whose fault it is."""

from __future__ import annotations


class ClientError(Exception):
    """Base of all errors of the client."""


class InputError(ClientError, ValueError):
    """The caller's data does not fit the model's inputs; nothing was sent."""


class ModelNotFoundError(ClientError, LookupError):
    """The server has no such model or version."""


class InferenceError(ClientError):
    """The server or the model refused the request; the text is theirs.

    Attributes:
        status: gRPC's name of the status, such as INVALID_ARGUMENT.
    """

    def __init__(self, message: str, status: str) -> None:
        super().__init__(message)
        self.status = status


class UnavailableError(InferenceError):
    """The server cannot be reached, or has no room for the request now; asking again later may help."""


class DeadlineError(InferenceError, TimeoutError):
    """The answer did not come in time."""


_KINDS: dict[str, type[InferenceError]] = {
    "CANCELLED": InferenceError,
    "DEADLINE_EXCEEDED": DeadlineError,
    "RESOURCE_EXHAUSTED": UnavailableError,
    "UNAVAILABLE": UnavailableError,
}


def from_triton(error: Exception) -> ClientError:
    """The client's error for an `InferenceServerException` of tritonclient."""
    status = str(getattr(error, "status", lambda: "")() or "").rpartition(".")[2]
    text = str(getattr(error, "message", lambda: "")() or error)
    if status == "NOT_FOUND" or "unknown model" in text:
        return ModelNotFoundError(text)
    return _KINDS.get(status, InferenceError)(text, status)


def typed(error: Exception) -> ClientError:
    """The client's error for whatever tritonclient or the network raised."""
    if isinstance(error, OSError):
        return UnavailableError(str(error), "UNAVAILABLE")
    return from_triton(error)
