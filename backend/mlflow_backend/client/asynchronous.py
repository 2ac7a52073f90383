"""The client for asyncio."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, TypeVar

from tritonclient.utils import InferenceServerException

from mlflow_backend.client import calls, errors, values
from mlflow_backend.client.errors import InputError, UnavailableError
from mlflow_backend.client.interface import Interface
from mlflow_backend.client.options import Options

Answer = TypeVar("Answer")


class AsyncTritonModel:
    """A model on a Triton server, as `TritonModel`, with coroutines; belongs to one event loop.

    Args:
        url: `grpc://host:port` (or grpcs), `http://host:port` (or https).
        name: the model's name.
        version: its version; "": the server's choice.
        options: deadlines and retries.

    Raises:
        InputError: the URL is wrong.
    """

    def __init__(self, url: str, name: str, version: str | int = "", options: Options | None = None) -> None:
        self._protocol, encrypted, netloc = calls.address(url)
        self._module = importlib.import_module(f"tritonclient.{self._protocol}")
        aio = importlib.import_module(f"tritonclient.{self._protocol}.aio")
        self._client = aio.InferenceServerClient(netloc, ssl=encrypted)
        self._interface: Interface | None = None
        self.name, self.version = name, str(version)
        self.options = options or Options()

    async def __aenter__(self) -> AsyncTritonModel:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Lets go of the connections."""
        await self._client.close()

    async def interface(self) -> Interface:
        """The model's inputs and outputs, asked of the server once.

        Raises:
            ModelNotFoundError: the server has no such model.
        """
        if self._interface is None:
            arguments = {"as_json": True} if self._protocol == "grpc" else {}
            config = await self._retried(lambda: self._client.get_model_config(self.name, self.version, **arguments))
            self._interface = Interface.from_config(config.get("config", config), self.version)
        return self._interface

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The answer to inputs by position, in config.pbtxt's order, or by name; see `predict`."""
        interface = await self.interface()
        return await self._answer(interface, calls.tensors_of(interface, args, kwargs), None, None)

    async def predict(
        self, data: Any, params: Mapping[str, Any] | None = None, parameters: Mapping[str, Any] | None = None
    ) -> Any:
        """What the model answers, as its signature says; arguments and errors are those of `TritonModel.predict`."""
        interface = await self.interface()
        return await self._answer(interface, values.encode(data, interface), params, parameters)

    async def predict_stream(self, data: Any, params: Mapping[str, Any] | None = None) -> AsyncGenerator[Any]:
        """The pieces of an answer, each when the model has it. Closing the generator cancels the request.

        Raises:
            InputError: the data does not fit, or the client does not speak gRPC.
            InferenceError: the server or the model refused it.
        """
        if self._protocol != "grpc":
            raise InputError("streams need gRPC; use a URL grpc://HOST:8001.")
        interface = await self.interface()
        tensors = values.encode(data, interface)
        if not interface.decoupled:
            yield await self._answer(interface, tensors, params, None)
            return

        async def requests() -> AsyncGenerator[dict[str, Any]]:
            yield {
                "model_name": self.name,
                "model_version": self.version,
                "inputs": calls.infer_inputs(self._module, tensors),
                "enable_empty_final_response": True,
                "parameters": calls.parameters_of(params, None),
            }

        answers = self._client.stream_infer(requests())
        try:
            while True:
                result, error = await asyncio.wait_for(anext(answers), self.options.deadline)
                if error is not None:
                    raise errors.from_triton(error)
                response = result.get_response()
                if response.outputs:
                    yield _decoded(result, interface)
                if response.parameters["triton_final_response"].bool_param:
                    return
        except asyncio.TimeoutError:
            raise errors.DeadlineError(f"no piece came in {self.options.deadline} s.", "DEADLINE_EXCEEDED") from None
        except InferenceServerException as error:
            raise errors.from_triton(error) from None
        finally:
            answers.cancel()

    def __getattr__(self, name: str) -> Any:
        if name not in calls.MANAGEMENT:
            raise AttributeError(f"{type(self).__name__} has no attribute '{name}'")
        return getattr(self._client, name)

    async def _answer(
        self,
        interface: Interface,
        tensors: Mapping[str, calls.Array],
        params: Mapping[str, Any] | None,
        parameters: Mapping[str, Any] | None,
    ) -> Any:
        inputs = calls.infer_inputs(self._module, tensors)
        timeout = {"client_timeout": self.options.deadline} if self._protocol == "grpc" else {}
        result = await self._retried(
            lambda: self._client.infer(
                self.name,
                inputs,
                model_version=self.version,
                parameters=calls.parameters_of(params, parameters),
                **timeout,
            )
        )
        return _decoded(result, interface)

    async def _retried(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        for pause in [*self.options.pauses(), None]:
            try:
                return await call()
            except (InferenceServerException, OSError) as error:
                found = errors.typed(error)
                if pause is None or not isinstance(found, UnavailableError):
                    raise found from None
                await asyncio.sleep(pause)
        raise AssertionError("unreachable")


def _decoded(result: Any, interface: Interface) -> Any:
    names = [field.name for field in interface.schema.outputs]
    return values.decode(calls.outputs_of(result, names), interface)
