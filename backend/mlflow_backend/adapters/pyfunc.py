"""The generic flavor: everything that `mlflow.pyfunc.load_model` loads."""

from __future__ import annotations

import copy
import functools
import json
import os
from collections.abc import Mapping
from typing import Any

import mlflow.models
import mlflow.pyfunc
import mlflow.tracing
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature

from mlflow_backend import chat
from mlflow_backend.adapters import Receiver
from mlflow_backend.content_types import ContentTypes
from mlflow_backend.errors import RequestError
from mlflow_backend.metadata import ModelMetadata
from mlflow_backend.requests import DecodedRequest
from mlflow_backend.schema import ModelSchema

Array = np.ndarray[Any, np.dtype[Any]]


# What a request without content types says.
AS_SIGNED = ContentTypes()


class Adapter:
    """Calls `predict` with what the signature asks for: a DataFrame for columns, an array or a dict of arrays for
    tensors, a list of rows for a signature that comes from type hints."""

    def __init__(
        self, metadata: ModelMetadata, schema: ModelSchema, model_config: Mapping[str, Any] | None = None
    ) -> None:
        self._folder = str(metadata.folder)
        self._schema = schema
        self._from_type_hints = metadata.from_type_hints
        self._is_chat = metadata.is_chat
        self.streamable = bool(metadata.flavors["python_function"].get("streamable"))
        self._labels = {
            field.name: position if field.source is None else field.source
            for position, field in enumerate(schema.inputs)
        }
        self._codecs = {field.name: field.carrier.codec for field in schema.inputs}
        # Requests may leave columns out, but most have the same.
        self._index = functools.lru_cache(maxsize=16)(self._make_index)
        if "MLFLOW_TRACKING_URI" not in os.environ:
            # Traces would go to a new folder below the server's working directory, which may be read-only.
            mlflow.tracing.disable()
        # The build has checked the environment against the model's requirements.
        overrides = {"model_config": dict(model_config)} if model_config else {}
        self._model = mlflow.pyfunc.load_model(self._folder, suppress_warnings=True, **overrides)
        # Decoding has given plain columns the signature's names, order and types already. To check and copy them once
        # more takes MLflow as long as a small model needs to answer.
        plain = all(field.kind == "column" and field.carrier.codec == "plain" for field in schema.inputs)
        self._trusts = plain and not self._from_type_hints
        self._trusting_model = _without_input_check(self._model) if self._trusts else self._model

    def predict(self, request: DecodedRequest) -> Any:
        model = self._model if request.content != AS_SIGNED else self._trusting_model
        if self._is_chat and request.rows > 1:
            raise RequestError(f"the request has {request.rows} rows, and a chat model answers one; send one.")
        data = self._data(request)
        answer = model.predict(data, params=dict(request.params)) if request.params else model.predict(data)
        return chat.Answer([answer]) if self._is_chat else answer

    def warm_up(self) -> None:
        self._answer_example()

    def _input_example(self) -> tuple[Any, Any]:
        """What the model was saved with: data, and params or None."""
        saved = mlflow.models.Model.load(self._folder)
        return saved.load_input_example(self._folder), saved.load_input_example_params(self._folder)

    def _answer_example(self) -> tuple[Any, Any]:
        """The model's input example, and what it answers."""
        example, params = self._input_example()
        return example, self._model.predict(example, params=params) if params else self._model.predict(example)

    def example_outputs(self) -> list[dict[str, Any]]:
        example, answer = self._answer_example()
        outputs = mlflow.models.infer_signature(example, answer).outputs
        # As in MLmodel: in Python a shape is a tuple.
        return [] if outputs is None else list(json.loads(outputs.to_json()))

    def stream(self, request: DecodedRequest, receiver: Receiver) -> None:
        pieces = self._model.predict_stream(self._data(request), params=dict(request.params) or None)
        try:
            for piece in pieces:
                receiver.send(chat.piece(piece) if self._is_chat else piece)
        finally:
            # Whatever the model holds is let go of now; an iterator need not be a generator.
            getattr(pieces, "close", lambda: None)()

    def _data(self, request: DecodedRequest) -> Any:
        inputs = request.inputs
        if request.content.container:
            return self._contained(inputs, request.content.container)
        if self._schema.tensors:
            return self._tensors(inputs)
        if self._from_type_hints and not self._schema.named:
            return next(iter(inputs.values())).tolist()
        return self._frame(inputs)

    def _contained(self, inputs: Mapping[str, Array], container: str) -> Any:
        """What the client wants the model to get; MLflow says whether the signature allows that."""
        if container == "dict":
            return {self._labels[name]: value for name, value in inputs.items()}
        if container == "np" and len(inputs) == 1:
            return next(iter(inputs.values()))
        if any(value.ndim != 1 for value in inputs.values()):
            raise RequestError(
                f"content type '{container}' holds columns, but the inputs have the shapes "
                f"{[list(value.shape) for value in inputs.values()]}; leave the content type out or send 'dict'."
            )
        return np.column_stack(list(inputs.values())) if container == "np" else self._frame(inputs)

    def _tensors(self, inputs: Mapping[str, Array]) -> Any:
        if not self._schema.named:
            return next(iter(inputs.values()))
        return {self._labels[name]: value for name, value in inputs.items()}

    def _frame(self, inputs: Mapping[str, Array]) -> pd.DataFrame:
        columns = list(inputs.values())
        if len({column.dtype for column in columns}) == 1 and columns[0].dtype.kind in "biuf":
            # One block for all columns costs a tenth of one Series for each. It is new, so pandas need not copy it.
            # Of the index a view: the model may give it a name.
            return pd.DataFrame(block(inputs), columns=self._index(tuple(inputs)).view(), copy=False)
        labels = [self._labels[name] for name in inputs]
        return pd.DataFrame(
            {self._labels[name]: self._series(name, column) for name, column in inputs.items()}, columns=labels
        )

    def _make_index(self, names: tuple[str, ...]) -> Any:
        return pd.DataFrame(columns=[self._labels[name] for name in names]).columns

    def _series(self, name: str, column: Array) -> Any:
        if self._codecs[name] == "string":
            # pandas decides what text is, as for a DataFrame that a user writes: object before pandas 3, str since.
            return pd.Series(column.tolist())
        return pd.Series(column)


def block(inputs: Mapping[str, Array]) -> Array:
    """Columns of one type as an array [rows, columns], each column in one piece as in a DataFrame; it is new."""
    columns = list(inputs.values())
    return np.concatenate(columns).reshape(len(columns), -1).T


def _without_input_check(model: Any) -> Any:
    """The same loaded model, for data that need not be compared with the signature's inputs; params still are."""
    metadata = copy.copy(model.metadata)
    signature = metadata.signature
    known = signature is not None and (signature.outputs is not None or signature.params is not None)
    metadata.signature = ModelSignature(None, signature.outputs, signature.params) if known else None
    trusting = copy.copy(model)
    trusting._model_meta = metadata
    return trusting
