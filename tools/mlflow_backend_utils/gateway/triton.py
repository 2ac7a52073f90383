"""Asks the Triton server, and tells what kind of trouble there was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import grpc
from google.protobuf import json_format
from tritonclient.grpc import service_pb2, service_pb2_grpc

from mlflow_backend_utils.gateway import errors, shared_memory, tensors
from mlflow_backend_utils.gateway.tensors import Array

# Answers may be as large as Triton makes them; a lost server is looked for again soon.
_CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
)
# Seconds for calls that a server answers at once.
_SHORT_SECONDS = 5.0


class Triton:
    """A connection to a server's gRPC endpoint; belongs to one event loop.

    Args:
        address: `host:port`.
        shares_memory: large requests go through shared memory, where the server has it too.

    Every method raises `errors.GatewayError` or another error of that module when the server does not answer.
    """

    def __init__(self, address: str, shares_memory: bool = True) -> None:
        self._channel = grpc.aio.insecure_channel(address, options=_CHANNEL_OPTIONS)
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        self._regions = shared_memory.Regions(self._ask_plainly) if shares_memory else None

    async def _ask_plainly(self, method: str, message: Any) -> Any:
        return await getattr(self._stub, method)(message, timeout=_SHORT_SECONDS)

    async def close(self) -> None:
        """Lets go of the connection."""
        if self._regions is not None:
            await self._regions.close()
        await self._channel.close()

    async def infer(
        self, model: str, version: str, inputs: Mapping[str, Array], parameters: Mapping[str, Any], timeout: float
    ) -> dict[str, Array]:
        """The outputs of a model.

        Args:
            timeout: seconds that it may take.
        """
        regions = self._regions
        if regions is not None and (size := shared_memory.size_of(inputs)) >= shared_memory.LEAST_BYTES:
            async with regions.lent(size) as region:
                if region is not None:
                    message = tensors.header(model, version, parameters)
                    shared_memory.place(message, inputs, region)
                    found = await self._infer_in_region(regions, region, message, timeout)
                    if found is not None:
                        return found
        message = tensors.request(model, version, inputs, parameters)
        return tensors.answer(await self._call(self._stub.ModelInfer, message, timeout))

    async def _infer_in_region(
        self, regions: shared_memory.Regions, region: shared_memory.Region, message: Any, timeout: float
    ) -> dict[str, Array] | None:
        """The outputs for a request that is in a region; None: the server has lost the region."""
        try:
            return tensors.answer(await self._stub.ModelInfer(message, timeout=timeout))
        except asyncio.CancelledError:
            regions.rest(region)
            raise
        except grpc.aio.AioRpcError as error:
            is_lost = shared_memory.LOST in (error.details() or "")
            if is_lost or error.code() == grpc.StatusCode.UNAVAILABLE:
                regions.forget()
            elif error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                regions.rest(region)
            if is_lost:
                return None
            raise errors.from_rpc(error) from None

    async def stream(
        self, model: str, version: str, inputs: Mapping[str, Array], parameters: Mapping[str, Any], timeout: float
    ) -> AsyncGenerator[dict[str, Array]]:
        """The pieces of a decoupled model's answer; closing the generator cancels it.

        Args:
            timeout: seconds that a piece may take.
        """
        message = tensors.request(model, version, inputs, parameters)
        message.parameters["triton_enable_empty_final_response"].bool_param = True
        call = self._stub.ModelStreamInfer()
        try:
            await call.write(message)
            await call.done_writing()
            while True:
                piece = await asyncio.wait_for(call.read(), timeout)
                if piece is grpc.aio.EOF:
                    return
                if piece.error_message:
                    raise errors.from_text(piece.error_message)
                if piece.infer_response.outputs:
                    yield tensors.answer(piece.infer_response)
                if piece.infer_response.parameters["triton_final_response"].bool_param:
                    return
        except grpc.aio.AioRpcError as error:
            raise errors.from_rpc(error) from None
        except asyncio.TimeoutError:
            raise errors.DeadlineExceededError from None
        finally:
            call.cancel()

    async def config(self, model: str, version: str, timeout: float) -> dict[str, Any]:
        """A model's configuration, as its JSON form."""
        message = service_pb2.ModelConfigRequest(name=model, version=version)  # type: ignore[attr-defined]
        answer = await self._call(self._stub.ModelConfig, message, timeout)
        return dict(json_format.MessageToDict(answer.config, preserving_proto_field_name=True))

    async def is_ready(self, model: str, version: str, timeout: float) -> bool:
        """Whether a model answers; of the server if `model` is ""."""
        if not model:
            question = service_pb2.ServerReadyRequest()  # type: ignore[attr-defined]
            return bool((await self._call(self._stub.ServerReady, question, timeout)).ready)
        message = service_pb2.ModelReadyRequest(name=model, version=version)  # type: ignore[attr-defined]
        return bool((await self._call(self._stub.ModelReady, message, timeout)).ready)

    async def models(self, timeout: float) -> list[str]:
        """Names of the models that are ready."""
        message = service_pb2.RepositoryIndexRequest(ready=True)  # type: ignore[attr-defined]
        answer = await self._call(self._stub.RepositoryIndex, message, timeout)
        return sorted({model.name for model in answer.models})

    async def _call(self, method: Any, message: Any, timeout: float) -> Any:
        try:
            return await method(message, timeout=timeout)
        except grpc.aio.AioRpcError as error:
            raise errors.from_rpc(error) from None
