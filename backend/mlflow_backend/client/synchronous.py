"""The client for ordinary code."""

from __future__ import annotations

import functools
import importlib
import queue
import time
from collections.abc import Callable, Generator, Mapping
from types import TracebackType
from typing import Any, TypeVar

from tritonclient.utils import InferenceServerException

from mlflow_backend.client import calls, errors, values
from mlflow_backend.client.errors import UnavailableError
from mlflow_backend.client.interface import Interface
from mlflow_backend.client.options import Options

Answer = TypeVar("Answer")


class TritonModel:
    """A model on a Triton server.

    It also has tritonclient's calls (`is_model_ready`, `get_inference_statistics`, `load_model`, …; see `calls`), which
    mean this model where no `model_name` is given, and raise this package's errors. Over gRPC several threads may use
    it, over HTTP one.

    Args:
        url: `grpc://host:port` (or grpcs), `http://host:port` (or https).
        name: the model's name.
        version: its version; "": the server's choice.
        options: deadlines and retries.

    Attributes:
        module: `tritonclient.grpc` or `tritonclient.http`, whose classes `infer` takes.

    Raises:
        InputError: the URL is wrong.
    """

    def __init__(self, url: str, name: str, version: str | int = "", options: Options | None = None) -> None:
        self.name, self.version = name, str(version)
        self.options = options or Options()
        self._protocol, self._encrypted, self._netloc = calls.address(url)
        self.module = importlib.import_module(f"tritonclient.{self._protocol}")
        self._network_errors = calls.network_errors(self._protocol)
        self._client = self._connect()

    def __enter__(self) -> TritonModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the connections."""
        self._client.close()

    @functools.cached_property
    def interface(self) -> Interface:
        """The model's inputs and outputs, asked of the server once.

        Raises:
            ModelNotFoundError: the server has no such model.
            ClientError: it has inputs or outputs that NumPy has no type for.
        """
        arguments = {"as_json": True} if self._protocol == "grpc" else {}
        call = self._bound("get_model_config")
        return calls.interface_of(self._retried(lambda: call(**arguments)), self.version)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The answer to inputs by position, in config.pbtxt's order, or by name; see `predict`."""
        return self._answer(calls.tensors_of(self.interface, args, kwargs), None, None)

    def predict(
        self, data: Any, params: Mapping[str, Any] | None = None, parameters: Mapping[str, Any] | None = None
    ) -> Any:
        """What the model answers, as its signature says: a DataFrame, an array, or a dict of arrays.

        Args:
            data: a DataFrame, Series, array, dict or list, as `mlflow.pyfunc` takes it.
            params: parameters of the model's signature.
            parameters: parameters of the request, such as `priority`.

        Raises:
            InputError: the data does not fit, or the model answers in pieces and the client does not speak gRPC.
            InferenceError: the server or the model refused it.
            DeadlineError: the answer did not come in time.
            UnavailableError: the server could not be reached, in all attempts.
        """
        return self._answer(values.encode(data, self.interface), params, parameters)

    def predict_stream(self, data: Any, params: Mapping[str, Any] | None = None) -> Generator[Any]:
        """The pieces of an answer, each when the model has it. Closing the generator cancels the request.

        A model that does not answer in pieces gives one. What has begun is not tried again.

        Raises:
            InputError: the data does not fit, or the client does not speak gRPC.
            InferenceError: the server or the model refused it.
            DeadlineError: the next piece did not come in time.
        """
        calls.check_streams(self._protocol)
        tensors = values.encode(data, self.interface)
        if self.interface.decoupled:
            yield from self._pieces(tensors, calls.parameters_of(params, None))
        else:
            yield self._answer(tensors, params, None)

    def __getattr__(self, name: str) -> Any:
        if name not in calls.MANAGEMENT | calls.STREAMING:
            raise AttributeError(f"{type(self).__name__} has no attribute '{name}'")
        call = self._bound(name)

        @functools.wraps(getattr(self._client, name))
        def typed(*args: Any, **kwargs: Any) -> Any:
            return self._typed(lambda: call(*args, **kwargs))

        return typed

    def _bound(self, name: str) -> Callable[..., Any]:
        return calls.bound(getattr(self._client, name), self.name, self.version, self.options.deadline)

    def _connect(self) -> Any:
        return calls.connection(self._protocol, self._netloc, self._encrypted, self.options.deadline)

    def _answer(
        self, tensors: Mapping[str, calls.Array], params: Mapping[str, Any] | None, parameters: Mapping[str, Any] | None
    ) -> Any:
        sent = calls.parameters_of(params, parameters)
        if self.interface.decoupled:
            calls.check_streams(self._protocol)
            return calls.only_piece(list(self._pieces(tensors, calls.as_one(sent))))
        inputs = calls.infer_inputs(self.module, tensors)
        infer = self._bound("infer")
        return self._decoded(self._retried(lambda: infer(inputs=inputs, parameters=sent)))

    def _pieces(self, tensors: Mapping[str, calls.Array], sent: Mapping[str, Any] | None) -> Generator[Any]:
        answers: queue.SimpleQueue[tuple[Any, Any]] = queue.SimpleQueue()
        # A connection of tritonclient has one stream.
        client = self._connect()
        try:
            client.start_stream(lambda result, error: answers.put((result, error)))
            client.async_stream_infer(
                self.name,
                calls.infer_inputs(self.module, tensors),
                model_version=self.version,
                enable_empty_final_response=True,
                parameters=sent,
            )
            while True:
                result, error = answers.get(timeout=self.options.deadline)
                if error is not None:
                    raise errors.from_triton(error)
                response = result.get_response()
                if response.outputs:
                    yield self._decoded(result)
                if response.parameters["triton_final_response"].bool_param:
                    return
        except queue.Empty:
            raise calls.late_piece(self.options.deadline) from None
        finally:
            client.stop_stream(cancel_requests=True)
            client.close()

    def _decoded(self, result: Any) -> Any:
        return calls.decoded(result, self.interface)

    def _retried(self, call: Callable[[], Answer]) -> Answer:
        for pause in self.options.pauses():
            try:
                return self._typed(call)
            except UnavailableError:
                time.sleep(pause)
        return self._typed(call)

    def _typed(self, call: Callable[[], Answer]) -> Answer:
        try:
            return call()
        except InferenceServerException as error:
            raise errors.from_triton(error) from None
        except self._network_errors as error:
            raise errors.of_network(error) from None
