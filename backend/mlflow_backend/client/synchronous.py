"""The client for ordinary code; safe to use from several threads."""

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
from mlflow_backend.client.errors import InputError, UnavailableError
from mlflow_backend.client.interface import Interface
from mlflow_backend.client.options import Options

Answer = TypeVar("Answer")


class TritonModel:
    """A model on a Triton server.

    Args:
        url: `grpc://host:port` (or grpcs), `http://host:port` (or https).
        name: the model's name.
        version: its version; "": the server's choice.
        options: deadlines and retries.

    Raises:
        InputError: the URL is wrong.
    """

    def __init__(self, url: str, name: str, version: str | int = "", options: Options | None = None) -> None:
        self._protocol, self._encrypted, self._netloc = calls.address(url)
        self._module = importlib.import_module(f"tritonclient.{self._protocol}")
        self._client = self._connect()
        self.name, self.version = name, str(version)
        self.options = options or Options()

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
        """
        arguments = {"as_json": True} if self._protocol == "grpc" else {}
        config = self._retried(lambda: self._client.get_model_config(self.name, self.version, **arguments))
        return Interface.from_config(config.get("config", config), self.version)

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
            InputError: the data does not fit.
            InferenceError: the server or the model refused it.
        """
        return self._answer(values.encode(data, self.interface), params, parameters)

    def predict_stream(self, data: Any, params: Mapping[str, Any] | None = None) -> Generator[Any]:
        """The pieces of an answer, each when the model has it. Closing the generator cancels the request.

        Raises:
            InputError: the data does not fit, or the client does not speak gRPC.
            InferenceError: the server or the model refused it.
        """
        if self._protocol != "grpc":
            raise InputError("streams need gRPC; use a URL grpc://HOST:8001.")
        tensors = values.encode(data, self.interface)
        if not self.interface.decoupled:
            yield self._answer(tensors, params, None)
            return
        pieces: queue.SimpleQueue[tuple[Any, Any]] = queue.SimpleQueue()
        # A stream belongs to a connection.
        client = self._connect()
        try:
            client.start_stream(lambda result, error: pieces.put((result, error)))
            client.async_stream_infer(
                self.name,
                calls.infer_inputs(self._module, tensors),
                model_version=self.version,
                enable_empty_final_response=True,
                parameters=calls.parameters_of(params, None),
            )
            while True:
                result, error = pieces.get(timeout=self.options.deadline)
                if error is not None:
                    raise errors.from_triton(error)
                response = result.get_response()
                if response.outputs:
                    yield self._decoded(result)
                if response.parameters["triton_final_response"].bool_param:
                    return
        except queue.Empty:
            raise errors.DeadlineError(f"no piece came in {self.options.deadline} s.", "DEADLINE_EXCEEDED") from None
        finally:
            client.stop_stream(cancel_requests=True)
            client.close()

    def __getattr__(self, name: str) -> Any:
        if name not in calls.MANAGEMENT:
            raise AttributeError(f"{type(self).__name__} has no attribute '{name}'")
        return getattr(self._client, name)

    def _connect(self) -> Any:
        return self._module.InferenceServerClient(self._netloc, ssl=self._encrypted)

    def _answer(
        self, tensors: Mapping[str, calls.Array], params: Mapping[str, Any] | None, parameters: Mapping[str, Any] | None
    ) -> Any:
        inputs = calls.infer_inputs(self._module, tensors)
        timeout = {"client_timeout": self.options.deadline} if self._protocol == "grpc" else {}
        result = self._retried(
            lambda: self._client.infer(
                self.name,
                inputs,
                model_version=self.version,
                parameters=calls.parameters_of(params, parameters),
                **timeout,
            )
        )
        return self._decoded(result)

    def _decoded(self, result: Any) -> Any:
        names = [field.name for field in self.interface.schema.outputs]
        return values.decode(calls.outputs_of(result, names), self.interface)

    def _retried(self, call: Callable[[], Answer]) -> Answer:
        for pause in [*self.options.pauses(), None]:
            try:
                return call()
            except (InferenceServerException, OSError) as error:
                found = errors.typed(error)
                if pause is None or not isinstance(found, UnavailableError):
                    raise found from None
                time.sleep(pause)
        raise AssertionError("unreachable")
