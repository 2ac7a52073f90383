"""Small MLflow models for the tests of the backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
from mlflow.models import ModelSignature

from mlflow_backend import service

Array = np.ndarray[Any, np.dtype[Any]]


class FunctionModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Applies a function of (input, params)."""

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        self.function = function

    # No type hints: they would change how MLflow treats the input.
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        return self.function(model_input, params)


class Streaming(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Applies a function of (input, params), which gives an iterator; all of it at once for `predict`."""

    def __init__(self, function: Callable[[Any, Any], Iterator[Any]]) -> None:
        self.function = function

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        return list(self.function(model_input, params))

    def predict_stream(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        yield from self.function(model_input, params)


class Shout(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """A model whose signature comes from its type hints; `predict` gets a list."""

    def predict(self, model_input: list[str]) -> list[str]:
        return [text.upper() for text in model_input]


class Channel:
    """Notes the pieces of a streamed answer as lists; cancelled after `most` of them."""

    def __init__(self, most: int | None = None) -> None:
        self.pieces: list[dict[str, Any]] = []
        self._most = most

    def cancelled(self) -> bool:
        return len(self.pieces) == self._most

    def send(self, piece: service.Outputs) -> None:
        self.pieces.append({name: array.tolist() for name, array in piece.items()})


def save(folder: Path, function: Callable[[Any, Any], Any], signature: ModelSignature, example: Any = None) -> Path:
    """A model of `function` in `folder`; what it needs is not written down."""
    return save_python_model(folder, FunctionModel(function), signature, example)


def save_python_model(
    folder: Path, model: mlflow.pyfunc.PythonModel, signature: ModelSignature | None, example: Any = None
) -> Path:
    """`model` in `folder`; what it needs is not written down."""
    mlflow.pyfunc.save_model(
        folder, python_model=model, signature=signature, input_example=example, pip_requirements=["mlflow"]
    )
    return folder


def texts(*values: str | bytes) -> Array:
    """A tensor of BYTES as Triton hands it over: an object array of `bytes`."""
    cells = [value.encode("utf-8") if isinstance(value, str) else value for value in values]
    return np.array(cells, dtype=object)


def answer(model: service.Service, parameters: dict[str, Any] | None = None, **tensors: Array) -> Any:
    """The outputs of one request, or its error."""
    return answer_all(model, [service.Request(tensors, parameters or {})])[0]


def answer_all(model: service.Service, batch: list[service.Request]) -> list[Any]:
    """The outputs or the error of each request of one batch."""
    return model.answer(batch, lambda request: request)
