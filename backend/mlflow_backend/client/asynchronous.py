"""The client for asyncio."""

from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, TypeVar

from tritonclient.utils import InferenceServerException

from mlflow_backend.client import calls, errors, values
from mlflow_backend.client.errors import UnavailableError
from mlflow_backend.client.interface import Interface
from mlflow_backend.client.options import Options

Answer = TypeVar("Answer")


class AsyncTritonModel:
    """A model on a Triton server, as `TritonModel`, with coroutines; made in, and belongs to, one event loop.

    Args:
        url: `grpc://host:port` (or grpcs), `http://host:port` (or https).
        name: the model's name.
        version: its version; "": the server's choice.
        options: deadlines and retries.

    Raises:
        InputError: the URL is wrong.
    """

    def __init__(self, url: str, name: str, version: str | int = "", options: Options | None = None) -> None:
        self.name, self.version = name, str(version)
        self.options = options or Options()
        self._protocol, encrypted, netloc = calls.address(url)
        self._module = importlib.import_module(f"tritonclient.{self._protocol}")
        self._network_errors = calls.network_errors(self._protocol)
        self._client = calls.aio_connection(self._protocol, netloc, encrypted, self.options.deadline)
        self._interface: Interface | None = None

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
            ClientError: it has inputs or outputs that NumPy has no type for.
        """
        if self._interface is None:
            arguments = {"as_json": True} if self._protocol == "grpc" else {}
            call = self._bound("get_model_config")
            self._interface = calls.interface_of(await self._retried(lambda: call(**arguments)), self.version)
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

        A model that does not answer in pieces gives one. What has begun is not tried again.

        Raises:
            InputError: the data does not fit, or the client does not speak gRPC.
            InferenceError: the server or the model refused it.
            DeadlineError: the next piece did not come in time.
        """
        calls.check_streams(self._protocol)
        interface = await self.interface()
        tensors = values.encode(data, interface)
        if not interface.decoupled:
            yield await self._answer(interface, tensors, params, None)
            return
        pieces = self._pieces(interface, tensors, calls.parameters_of(params, None))
        try:
            async for piece in pieces:
                yield piece
        finally:
            await pieces.aclose()

    def __getattr__(self, name: str) -> Any:
        if name not in calls.MANAGEMENT | calls.STREAMING:
            raise AttributeError(f"{type(self).__name__} has no attribute '{name}'")
        function, call = getattr(self._client, name), self._bound(name)
        # A stream is an asynchronous iterator.
        if not inspect.iscoroutinefunction(function):
            return call

        @functools.wraps(function)
        async def typed(*args: Any, **kwargs: Any) -> Any:
            return await self._typed(lambda: call(*args, **kwargs))

        return typed

    def _bound(self, name: str) -> Callable[..., Any]:
        return calls.bound(getattr(self._client, name), self.name, self.version, self.options.deadline)

    async def _answer(
        self,
        interface: Interface,
        tensors: Mapping[str, calls.Array],
        params: Mapping[str, Any] | None,
        parameters: Mapping[str, Any] | None,
    ) -> Any:
        sent = calls.parameters_of(params, parameters)
        if interface.decoupled:
            calls.check_streams(self._protocol)
            pieces = self._pieces(interface, tensors, calls.as_one(sent))
            return calls.only_piece([piece async for piece in pieces])
        inputs = calls.infer_inputs(self._module, tensors)
        infer = self._bound("infer")
        return calls.decoded(await self._retried(lambda: infer(inputs=inputs, parameters=sent)), interface)

    async def _pieces(
        self, interface: Interface, tensors: Mapping[str, calls.Array], sent: Mapping[str, Any] | None
    ) -> AsyncGenerator[Any]:
        async def requests() -> AsyncGenerator[dict[str, Any]]:
            yield {
                "model_name": self.name,
                "model_version": self.version,
                "inputs": calls.infer_inputs(self._module, tensors),
                "parameters": sent,
            }

        answers = self._client.stream_infer(requests())
        try:
            while True:
                result, error = await asyncio.wait_for(answers.__anext__(), self.options.deadline)
                if error is not None:
                    raise errors.from_triton(error)
                if result.get_response().outputs:
                    yield calls.decoded(result, interface)
        except StopAsyncIteration:
            # No request is to come, so the server ends the stream after the last piece.
            return
        except asyncio.TimeoutError:
            raise calls.late_piece(self.options.deadline) from None
        except calls.rpc_error() as error:
            raise errors.from_rpc(error) from None
        finally:
            answers.cancel()

    async def _retried(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        for pause in self.options.pauses():
            try:
                return await self._typed(call)
            except UnavailableError:
                await asyncio.sleep(pause)
        return await self._typed(call)

    async def _typed(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            return await call()
        except InferenceServerException as error:
            raise errors.from_triton(error) from None
        except self._network_errors as error:
            raise errors.of_network(error) from None
