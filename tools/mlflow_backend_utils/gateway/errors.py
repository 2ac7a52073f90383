"""What the gateway answers when something is wrong, in MLflow's terms."""

from __future__ import annotations

import grpc

# How the backend's errors for a model that raised begin; see `mlflow_backend.errors.from_exception`.
_RAISED = "predict failed: "
_MLFLOW = "MlflowException: "


class ModelRaisedError(Exception):
    """The model raised something; the text names its type."""


class ModelRefusedError(Exception):
    """The model raised an MlflowException: MLflow passes its text on.

    Attributes:
        status: HTTP's, by the code of the exception.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class GatewayError(Exception):
    """Anything that MLflow's own server has no words for.

    Attributes:
        status: of HTTP.
        code: MLflow's error code.
        retry_after: seconds after which to ask again; 0: not told.
    """

    def __init__(self, message: str, status: int, code: str, retry_after: int = 0) -> None:
        super().__init__(message)
        self.status, self.code, self.retry_after = status, code, retry_after


class DeadlineExceededError(Exception):
    """The answer did not come in time."""


_HTTP_STATUS = {
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.UNIMPLEMENTED: 501,
}
_CODES = {
    400: "BAD_REQUEST",
    404: "RESOURCE_DOES_NOT_EXIST",
    429: "REQUEST_LIMIT_EXCEEDED",
    499: "CANCELLED",
    501: "NOT_IMPLEMENTED",
    503: "TEMPORARILY_UNAVAILABLE",
}


def from_text(text: str) -> Exception:
    """The gateway's error for one that came with a stream, which has no code."""
    return _of(text, 400)


def from_rpc(error: grpc.aio.AioRpcError) -> Exception:
    """The gateway's error for a call that the server did not answer."""
    text = error.details() or ""
    code = error.code()
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceededError(text)
    # A model that is away is unavailable to Triton.
    is_unknown = code == grpc.StatusCode.UNAVAILABLE and "unknown model" in text
    return _of(text, 404 if is_unknown else _HTTP_STATUS.get(code, 500))


def _of(text: str, status: int) -> Exception:
    if _RAISED in text:
        text = text.partition(_RAISED)[2]
        if text.startswith(_MLFLOW):
            return ModelRefusedError(text.removeprefix(_MLFLOW), status)
        return ModelRaisedError(text)
    return GatewayError(text, status, _CODES.get(status, "INTERNAL_ERROR"), retry_after=1 if status == 503 else 0)
