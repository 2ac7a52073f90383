"""MLflow's exceptions for what can go wrong."""

from __future__ import annotations

from typing import Any

from mlflow.exceptions import MlflowException

from mlflow_backend.client.errors import (
    ClientError,
    DeadlineError,
    InputError,
    ModelNotFoundError,
    UnavailableError,
)

# Kind of error -> MLflow's error code, the first that fits.
_CODES: tuple[tuple[type[ClientError], str], ...] = (
    (InputError, "INVALID_PARAMETER_VALUE"),
    (ModelNotFoundError, "RESOURCE_DOES_NOT_EXIST"),
    (DeadlineError, "DEADLINE_EXCEEDED"),
    (UnavailableError, "TEMPORARILY_UNAVAILABLE"),
)


def refused(text: str) -> Any:
    """The exception for what a caller has to correct."""
    return MlflowException.invalid_parameter_value(text)


def failure(text: str, code: str) -> Any:
    """The exception with an error code of MLflow, by name."""
    from mlflow.protos import databricks_pb2

    return MlflowException(text, error_code=databricks_pb2.ErrorCode.Value(code))


def of_client(error: ClientError, what: str = "") -> Any:
    """The exception for an error of the client; `what` was tried."""
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "INTERNAL_ERROR")
    return failure(f"{what}: {error}" if what else str(error), code)
