"""A model instance in the server: from decoded tensors to encoded tensors."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mlflow_backend import (
    adapters,
    answers,
    batching,
    errors,
    forms,
    garbage,
    memory,
    metadata,
    outputs,
    placement,
    requests,
    schema,
    settings,
    telemetry,
    tracecontext,
)
from mlflow_backend.errors import BackendError, CancelledError, ConfigMismatchError, OutputError
from mlflow_backend.requests import DecodedRequest

Array = np.ndarray[Any, np.dtype[Any]]
Outputs = dict[str, Array]


@dataclass(frozen=True)
class Request:
    """A request as Triton hands it over.

    Attributes:
        tensors: inputs by name, BYTES as object arrays of `bytes`.
        parameters: the request's parameters.
        trace: context of its trace, see `tracecontext`.
    """

    tensors: Mapping[str, Array]
    parameters: Mapping[str, Any]
    trace: str | None = None


@dataclass(frozen=True)
class Device:
    """Where Triton runs the instance: its `model_instance_kind` and `model_instance_device_id`."""

    kind: str = "AUTO"
    device_id: int = 0


class Channel(Protocol):
    """Where the pieces of one answer go."""

    def cancelled(self) -> bool:
        """Whether nobody waits for more."""
        ...

    def send(self, piece: Outputs) -> None:
        """Sends one piece."""
        ...


class Service:
    """Answers requests with one loaded model."""

    def __init__(
        self, model_schema: schema.ModelSchema, adapter: adapters.Adapter, model_settings: settings.Settings
    ) -> None:
        self._schema = model_schema
        self._adapter = adapter
        self._batched = model_settings.max_batch_size > 0
        self._max_rows = model_schema.at_most(model_settings.max_batch_size)
        self.settings = model_settings
        self.telemetry = telemetry.Telemetry()

    @classmethod
    def load(cls, folder: Path, config: Mapping[str, Any], device: Device | None = None) -> Service:
        """Load the MLflow model in `folder`.

        Args:
            config: the model's configuration in Triton, as it hands it to `initialize`.
            device: where the instance runs; None: wherever the model likes.

        Raises:
            BackendError: the model cannot be served; the text says why.
        """
        _keep_folder_unchanged()
        model_settings = settings.read(config, os.environ)
        model = metadata.read(folder)
        if model_settings.warm_up and model.input_example is None:
            raise ConfigMismatchError(
                f"{model.folder}: parameter 'warm_up' is 'true', but the model has no input example; save it with "
                "input_example=…, or remove 'warm_up'."
            )
        model_schema = schema.build(model.signature, model.max_batch_size)
        os.environ.update(model_settings.environment)
        if device is not None:
            placement.apply(os.environ, device.kind, device.device_id, model.flavors)
        with garbage.lasting():
            adapter = adapters.load(model, model_schema, model_settings.model_config)
            if not model_schema.outputs:
                written, batched = config.get("output") or (), model_settings.max_batch_size > 0
                model_schema = outputs.complete(model_schema, model, adapter, written, batched)
        if model_settings.memory_limit:
            _limit_memory(model_settings.memory_limit)
        return cls(model_schema, adapter, model_settings)

    def warm_up(self) -> None:
        """What happens once only, at the first request, happens now, if the settings say so.

        To be called in a thread that will answer requests.

        Raises:
            BackendError: the model fails on its input example.
        """
        if not self.settings.warm_up:
            return
        try:
            self._adapter.warm_up()
        except Exception as error:
            raise errors.from_exception(error, doing="warming up with the input example") from None

    def answer(self, batch: Sequence[Any], read: Callable[[Any], Request]) -> list[Outputs | BackendError]:
        """The outputs, or the error, of each request; never raises for a bad request.

        Args:
            batch: requests in the server's form.
            read: gives a request's content; if it raises, that request alone fails.
        """
        results: list[Outputs | BackendError | None] = [None] * len(batch)
        decoded: list[DecodedRequest] = []
        positions: list[int] = []
        trace = None
        for position, request in enumerate(batch):
            try:
                content = read(request)
                decoded.append(requests.decode(content.tensors, content.parameters, self._schema))
                positions.append(position)
                trace = trace or content.trace
            except Exception as error:
                results[position] = errors.from_exception(error, doing="reading the request")
                self.telemetry.add("mlflow_decode_errors_total")
        # One call of the model can belong to one trace only: the first, which in a batch of one is the request's own.
        with tracecontext.attached(trace):
            for group in batching.groups(decoded, self._max_rows):
                outcome = batching.answer_each([decoded[index] for index in group], self._predict)
                for index, result in zip(group, outcome, strict=True):
                    results[positions[index]] = result
                    if isinstance(result, BackendError):
                        self.telemetry.add("mlflow_predict_errors_total")
        return [result for result in results if result is not None]

    def stream(self, request: Request, channel: Channel) -> None:
        """Sends the pieces of one answer, each as soon as the model has it; of a model that cannot do that, one.

        With the request parameter `stream` = false there is one in any case.

        Raises:
            CancelledError: nobody waits for the answer any more; the model has stopped.
            BackendError: the request is bad or the model failed.
        """
        try:
            decoded = requests.decode(request.tensors, request.parameters, self._schema)
            streams = self._adapter.streamable and requests.wants_stream(request.parameters, decoded, self._schema)
        except Exception as error:
            self.telemetry.add("mlflow_decode_errors_total")
            raise errors.from_exception(error, doing="reading the request") from None
        try:
            with tracecontext.attached(request.trace):
                if streams:
                    self._adapter.stream(decoded, _Receiver(channel, lambda piece: self._piece(piece, decoded)))
                else:
                    channel.send(self._predict([decoded])[0])
        except CancelledError:
            raise
        except Exception as error:
            self.telemetry.add("mlflow_predict_errors_total")
            raise errors.from_exception(error) from None

    def _piece(self, piece: Any, request: DecodedRequest) -> Outputs:
        self.telemetry.add("mlflow_stream_pieces_total")
        return answers.encode_piece(piece, self._schema.outputs, self._batched, request.content.base64)

    def _predict(self, group: Sequence[DecodedRequest]) -> list[Outputs]:
        stacked = requests.stack(list(group))
        start = time.perf_counter()
        result = self._adapter.predict(stacked)
        self.telemetry.add("mlflow_predict_seconds_total", time.perf_counter() - start)
        self.telemetry.add("mlflow_predict_calls_total")
        self.telemetry.add("mlflow_predict_rows_total", stacked.rows)
        encoded = answers.encode(result, self._schema.outputs, self._batched, stacked.content.base64)
        if not self._batched:
            return [self._with_form(encoded, result, (1,))]
        rows = answers.row_count(encoded)
        if rows != stacked.rows:
            raise OutputError(
                f"the model returned {rows} rows for {stacked.rows}; a model that does not answer row by row must be "
                "served with max_batch_size: 0."
            )
        encoded = self._with_form(encoded, result, (rows, 1))
        if len(group) == 1:
            return [encoded]
        ends = np.cumsum([request.rows for request in group])
        return [
            {name: array[end - request.rows : end] for name, array in encoded.items()}
            for end, request in zip(ends, group, strict=True)
        ]

    def _with_form(self, encoded: Outputs, result: Any, shape: tuple[int, ...]) -> Outputs:
        """The outputs with the form of the answer, if it is to be told."""
        if not self.settings.answer_form:
            return encoded
        form = forms.describe(result, self._schema.outputs).encode()
        return {**encoded, schema.ANSWER_FORM.name: np.full(shape, form, object)}


class _Receiver:
    """The client of one streamed answer, as the model sees it: an `adapters.Receiver`."""

    def __init__(self, channel: Channel, encode: Callable[[Any], Outputs]) -> None:
        self._channel = channel
        self._encode = encode

    def check(self) -> None:
        if self._channel.cancelled():
            raise CancelledError("the request was cancelled.")

    def send(self, piece: Any) -> None:
        self.check()
        self._channel.send(self._encode(piece))


def _keep_folder_unchanged() -> None:
    """The model folder may be read-only or shared: no bytecode beside the model's own code. MLflow reports no usage."""
    sys.dont_write_bytecode = True
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


def _limit_memory(size: int) -> None:
    """Once the model is loaded: some libraries hang when they find no memory while they start."""
    try:
        memory.limit(size)
    except ValueError as error:
        raise ConfigMismatchError(f"parameter 'memory_limit' is {size} bytes, and {error}; write more.") from None
