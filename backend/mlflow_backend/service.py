"""A model instance in the server: from decoded tensors to encoded tensors."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mlflow_backend import adapters, answers, batching, errors, metadata, requests, schema
from mlflow_backend.errors import BackendError, OutputError
from mlflow_backend.requests import DecodedRequest

Array = np.ndarray[Any, np.dtype[Any]]
Outputs = dict[str, Array]


@dataclass(frozen=True)
class Request:
    """A request as Triton hands it over: inputs by name, BYTES as object arrays of `bytes`, and its parameters."""

    tensors: Mapping[str, Array]
    parameters: Mapping[str, Any]


class Service:
    """Answers requests with one loaded model."""

    def __init__(self, model_schema: schema.ModelSchema, adapter: adapters.Adapter, max_batch_size: int) -> None:
        self._schema = model_schema
        self._adapter = adapter
        self._batched = max_batch_size > 0
        self._max_rows = max_batch_size if model_schema.batchable else 0

    @classmethod
    def load(cls, folder: Path, config: Mapping[str, Any]) -> Service:
        """Load the MLflow model in `folder`.

        Args:
            config: the model's configuration in Triton, as it hands it to `initialize`.

        Raises:
            BackendError: the model cannot be served; the text says why.
        """
        _keep_folder_unchanged()
        max_batch_size = int(config.get("max_batch_size") or 0)
        model = metadata.read(folder)
        model_schema = schema.build(model.signature)
        if not model_schema.outputs:
            outputs = schema.outputs_from_config(config.get("output") or (), batched=max_batch_size > 0)
            model_schema = replace(model_schema, outputs=outputs)
        return cls(model_schema, adapters.load(model, model_schema), max_batch_size)

    def answer(self, batch: Sequence[Any], read: Callable[[Any], Request]) -> list[Outputs | BackendError]:
        """The outputs, or the error, of each request; never raises for a bad request.

        Args:
            batch: requests in the server's form.
            read: gives a request's content; if it raises, that request alone fails.
        """
        results: list[Outputs | BackendError | None] = [None] * len(batch)
        decoded: list[DecodedRequest] = []
        positions: list[int] = []
        for position, request in enumerate(batch):
            try:
                content = read(request)
                decoded.append(requests.decode(content.tensors, content.parameters, self._schema))
                positions.append(position)
            except Exception as error:
                results[position] = errors.from_exception(error, doing="reading the request")
        for group in batching.groups(decoded, self._max_rows):
            outcome = batching.answer_each([decoded[index] for index in group], self._predict)
            for index, result in zip(group, outcome, strict=True):
                results[positions[index]] = result
        return [result for result in results if result is not None]

    def _predict(self, group: Sequence[DecodedRequest]) -> list[Outputs]:
        stacked = requests.stack(list(group))
        result = self._adapter.predict(stacked)
        outputs = answers.encode(result, self._schema.outputs, self._batched, stacked.base64_text)
        if not self._batched:
            return [outputs]
        rows = answers.row_count(outputs)
        if rows != stacked.rows:
            raise OutputError(
                f"the model returned {rows} rows for {stacked.rows}; a model that does not answer row by row must be "
                "served with max_batch_size: 0."
            )
        if len(group) == 1:
            return [outputs]
        ends = np.cumsum([request.rows for request in group])
        return [
            {name: array[end - request.rows : end] for name, array in outputs.items()}
            for end, request in zip(ends, group, strict=True)
        ]


def _keep_folder_unchanged() -> None:
    """The model folder may be read-only or shared: no bytecode beside the model's own code. MLflow reports no usage."""
    sys.dont_write_bytecode = True
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
