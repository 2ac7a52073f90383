"""Asks models whose answers may be many, or none."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
from tritonclient.grpc import service_pb2, service_pb2_grpc

from tests.conformance import harness

DECOUPLED = "model_transaction_policy { decoupled: true }"


def responses(
    url: str, model: str, parameters: dict[str, str], seconds: float, shape: tuple[int, ...]
) -> Iterator[Any]:
    """The messages of a gRPC stream with one request; it ends when the server says that it has answered it all.

    That of 24.07 does not say so now and then, whatever stub it has: see the README of the stub.
    """
    request = service_pb2.ModelInferRequest(  # type: ignore[attr-defined]
        model_name=model, raw_input_contents=[bytes(4 * int(np.prod(shape)))]
    )
    request.inputs.add(name="IN", datatype="INT32", shape=shape)
    request.outputs.add(name="RESULT")
    request.parameters["triton_enable_empty_final_response"].bool_param = True
    for key, value in parameters.items():
        request.parameters[key].string_param = value
    with grpc.insecure_channel(url, [("grpc.max_receive_message_length", -1)]) as channel:
        yield from service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelStreamInfer(iter([request]), timeout=seconds)


def value_of(message: Any) -> Any:
    """What the output RESULT of a response says."""
    return json.loads(message.infer_response.raw_output_contents[0][4:])


def described(message: Any) -> str:
    """A response in short: `5`, `error: text`, `5 final`, `final`."""
    response = message.infer_response
    words = []
    if message.error_message:
        words.append(f"error: {message.error_message}")
    elif response.raw_output_contents:
        words.append(str(value_of(message)))
    if response.parameters["triton_final_response"].bool_param:
        words.append("final")
    return " ".join(words)


class StreamTest(harness.ServerTest):
    """Tests of the model `sender` and the like."""

    def stream(
        self,
        model: str,
        steps: str = "",
        mode: str = "",
        seconds: float = harness.REQUEST_SECONDS,
        batched: bool = False,
    ) -> list[str]:
        """What a model answers when it takes some steps, in short; `batched` if the model has batches.

        Raises:
          grpc.RpcError: the answers did not end in time.
        """
        shape = (1, 1) if batched else (1,)
        parameters = {"steps": steps, "mode": mode}
        return [described(one) for one in responses(self.server.grpc_url, model, parameters, seconds, shape)]

    def unload_quickly(self, model: str) -> None:
        """Unload a model; a response factory that nobody has deleted would keep it."""
        start = time.monotonic()
        self.unload(model)
        self.assertLess(time.monotonic() - start, 5)

    def refused(self, model: str) -> list[str]:
        """What the sender has refused since the last call, and what else the model noted."""
        (message,) = responses(self.server.grpc_url, model, {"steps": "refused"}, harness.REQUEST_SECONDS, (1,))
        return list(value_of(message))

    def free(self, model: str, **parameters: str) -> int:
        """Free bytes of a model's region."""
        parameters = parameters or {"steps": "free"}

        def measure() -> int:
            (message,) = responses(self.server.grpc_url, model, parameters, harness.REQUEST_SECONDS, (1,))
            return int(value_of(message))

        return self.settled(measure)
