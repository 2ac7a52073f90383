"""One way to ask a server over each of its protocols, through the official client library."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, TypeVar

import numpy as np
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class TensorInfo:
    """What a server says about one input or output.

    Attributes:
      name: the tensor's name.
      datatype: V2 datatype, such as `FP32` or `BYTES`.
      shape: dimensions, -1 where any size goes; the batch comes first where there is one.
      optional: whether a request may leave it out.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    optional: bool = False


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """What a server says about one model; `max_batch_size` 0 means that it does not batch."""

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    max_batch_size: int


class RequestRefusedError(Exception):
    """The server answered with an error.

    Attributes:
      status: HTTP status as text, or the name of the gRPC status code.
    """

    def __init__(self, status: str, message: str):
        super().__init__(f"{status}: {message}")
        self.status = status

    @property
    def is_client_error(self) -> bool:
        """Whether the server says that the request is wrong, not that it failed itself."""
        return self.status.startswith("4") or self.status in ("INVALID_ARGUMENT", "NOT_FOUND", "OUT_OF_RANGE")


class CannotEncodeError(Exception):
    """The client library cannot send such tensors over this protocol."""


class Client(Protocol):
    """A connection to a server. A context manager: an open connection delays the server's stop."""

    name: str

    def infer(self, model: str, inputs: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
        """Ask `model`; the arrays of `outputs`. Raises RequestRefusedError, CannotEncodeError."""

    def __enter__(self) -> Client: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def datatype_of(array: Array) -> str:
    """The V2 datatype of an array; object and string arrays are `BYTES`."""
    return str(np_to_triton_dtype(array.dtype))


_Connection = TypeVar("_Connection", bound="_OfficialClient")


class _OfficialClient:
    """What the official HTTP and gRPC clients have in common: the same names for the same steps.

    Args:
      library: `tritonclient.http` or `tritonclient.grpc`.
      connection: its `InferenceServerClient`.
      encoding: arguments that say how tensors travel, for inputs and requested outputs.
      asking: arguments of each `infer`.
    """

    name: str

    def __init__(self, library: Any, connection: Any, encoding: Mapping[str, Any], asking: Mapping[str, Any]):
        self._library = library
        self._client = connection
        self._encoding = encoding
        self._asking = asking

    def __enter__(self: _Connection) -> _Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def infer(self, model: str, inputs: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
        """See `Client`."""
        tensors = [self._tensor(name, array) for name, array in inputs.items()]
        wanted = [self._library.InferRequestedOutput(name, **self._encoding) for name in outputs]
        try:
            result = self._client.infer(model, tensors, outputs=wanted, **self._asking)
        except InferenceServerException as error:
            status = str(error.status() or "no status")
            raise RequestRefusedError(status.removeprefix("StatusCode."), str(error.message())) from error
        return {name: result.as_numpy(name) for name in outputs}

    def _tensor(self, name: str, array: Array) -> Any:
        tensor = self._library.InferInput(name, list(array.shape), datatype_of(array))
        try:
            tensor.set_data_from_numpy(array, **self._encoding)
        except InferenceServerException as error:
            raise CannotEncodeError(str(error)) from error
        return tensor


class HttpClient(_OfficialClient):
    """HTTP, with tensors as JSON or as bytes.

    Args:
      url: `host:port`.
      binary: whether tensors travel as bytes after the JSON header.
    """

    def __init__(self, url: str, binary: bool):
        self.name = "HTTP binary" if binary else "HTTP JSON"
        connection = tritonclient.http.InferenceServerClient(url, network_timeout=120, connection_timeout=120)
        super().__init__(tritonclient.http, connection, {"binary_data": binary}, {})

    def model_info(self, model: str) -> ModelInfo:
        """What the server says about `model`."""
        metadata = self._client.get_model_metadata(model)
        config = self._client.get_model_config(model)
        optional = {item["name"] for item in config.get("input", []) if item.get("optional")}

        def infos(items: list[dict[str, Any]]) -> tuple[TensorInfo, ...]:
            return tuple(
                TensorInfo(i["name"], i["datatype"], tuple(int(d) for d in i["shape"]), i["name"] in optional)
                for i in items
            )

        return ModelInfo(
            infos(metadata.get("inputs", [])), infos(metadata.get("outputs", [])), int(config.get("max_batch_size", 0))
        )


class GrpcClient(_OfficialClient):
    """gRPC.

    Args:
      url: `host:port`.
    """

    name = "gRPC"

    def __init__(self, url: str):
        connection = tritonclient.grpc.InferenceServerClient(url)
        super().__init__(tritonclient.grpc, connection, {}, {"client_timeout": 120})
