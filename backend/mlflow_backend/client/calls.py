"""What the synchronous and the asynchronous client have in common: addresses, requests and results of tritonclient."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from tritonclient.utils import np_to_triton_dtype

from mlflow_backend.client import values
from mlflow_backend.client.errors import ClientError, DeadlineError, InputError
from mlflow_backend.client.interface import Interface
from mlflow_backend.errors import BackendError

Array = np.ndarray[Any, np.dtype[Any]]

_SCHEMES = {"grpc": False, "grpcs": True, "http": False, "https": True}

# Calls of tritonclient that a model hands on, with its own name and version where the caller gives no `model_name`.
MANAGEMENT = frozenset(
    {
        "get_cuda_shared_memory_status",
        "get_inference_statistics",
        "get_log_settings",
        "get_model_config",
        "get_model_metadata",
        "get_model_repository_index",
        "get_server_metadata",
        "get_system_shared_memory_status",
        "get_trace_settings",
        "infer",
        "is_model_ready",
        "is_server_live",
        "is_server_ready",
        "load_model",
        "register_cuda_shared_memory",
        "register_system_shared_memory",
        "unload_model",
        "unregister_cuda_shared_memory",
        "unregister_system_shared_memory",
        "update_log_settings",
        "update_trace_settings",
    }
)

# The same, but for calls that only some of tritonclient's clients have.
STREAMING = frozenset({"async_infer", "async_stream_infer", "start_stream", "stop_stream", "stream_infer"})

# The request parameter of the backend for one answer instead of pieces.
_STREAM = "stream"

# gRPC's own pause before it connects again grows to two minutes, longer than any retry waits.
_CHANNEL = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


def connection(protocol: str, netloc: str, encrypted: bool, deadline: float | None) -> Any:
    """tritonclient's client for ordinary code.

    Args:
        protocol: `grpc` or `http`.
        netloc: `host:port`.
        encrypted: whether to speak TLS, with the system's certificates.
        deadline: seconds that a call may take over HTTP; gRPC wants to be told at each call.
    """
    module = importlib.import_module(f"tritonclient.{protocol}")
    if protocol == "grpc":
        return module.InferenceServerClient(netloc, ssl=encrypted, channel_args=list(_CHANNEL))
    tls = {"ssl": True, "ssl_context_factory": _gevent_tls} if encrypted else {}
    return module.InferenceServerClient(netloc, connection_timeout=deadline, network_timeout=deadline, **tls)


def aio_connection(protocol: str, netloc: str, encrypted: bool, deadline: float | None) -> Any:
    """tritonclient's client for asyncio; arguments as of `connection`."""
    module = importlib.import_module(f"tritonclient.{protocol}.aio")
    if protocol == "grpc":
        return module.InferenceServerClient(netloc, ssl=encrypted, channel_args=list(_CHANNEL))
    tls = {"ssl": True, "ssl_context": ssl.create_default_context()} if encrypted else {}
    return module.InferenceServerClient(netloc, conn_timeout=deadline, **tls)


def network_errors(protocol: str) -> tuple[type[Exception], ...]:
    """What the clients of a protocol let pass when a connection fails; Python 3.10 has two kinds of TimeoutError."""
    found: tuple[type[Exception], ...] = (OSError, TimeoutError, asyncio.TimeoutError)
    if protocol == "http":
        found += (importlib.import_module("geventhttpclient.response").HTTPParseError,)
        found += (importlib.import_module("aiohttp").ClientError,)
    return found


def bound(function: Callable[..., Any], model: str, version: str, deadline: float | None) -> Callable[..., Any]:
    """A call of tritonclient that means this model where the caller names none, and keeps the deadline."""
    names = inspect.signature(function).parameters

    def call(*args: Any, **kwargs: Any) -> Any:
        if next(iter(names), "") == "model_name" and not args and "model_name" not in kwargs:
            kwargs["model_name"] = model
            if version and "model_version" in names:
                kwargs.setdefault("model_version", version)
        if deadline is not None and "client_timeout" in names:
            kwargs.setdefault("client_timeout", deadline)
        return function(*args, **kwargs)

    return call


def address(url: str) -> tuple[str, bool, str]:
    """Protocol (`grpc` or `http`), whether it is encrypted, and `host:port` of a URL.

    Raises:
        InputError: the URL has another scheme, or no port.
    """
    parts = urlsplit(url)
    try:
        complete = bool(parts.hostname and parts.port)
    except ValueError:
        complete = False
    if parts.scheme not in _SCHEMES or not complete:
        raise InputError(
            f"'{url}' is no address of a server; write grpc://HOST:8001, grpcs://…, http://HOST:8000 or https://…."
        )
    return parts.scheme.removesuffix("s"), _SCHEMES[parts.scheme], parts.netloc


def tensors_of(interface: Interface, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Array]:
    """The tensors of a call with positional or keyword inputs, in config.pbtxt's order.

    Raises:
        InputError: both are given, none, too many, or one does not fit.
    """
    if args and kwargs:
        raise InputError("give the inputs either by position or by name, not both.")
    if not args:
        return values.encode_named(kwargs, interface)
    names = [field.name for field in interface.inputs]
    required = [field for field in interface.schema.inputs if not field.optional]
    # One argument for a model of several inputs is all of them: a DataFrame, a dict, a list of rows.
    if len(args) == 1 and (len(required) > 1 or values.holds_names(args[0])):
        return values.encode(args[0], interface)
    if len(args) > len(names):
        raise InputError(f"{len(args)} inputs were given, but the model has {len(names)}: {', '.join(names)}.")
    return values.encode_named(dict(zip(names, args, strict=False)), interface)


def infer_inputs(module: Any, tensors: Mapping[str, Array]) -> list[Any]:
    """`InferInput`s of `tritonclient.grpc` or `tritonclient.http`, which is `module`."""
    inputs = []
    for name, array in tensors.items():
        tensor = module.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
        tensor.set_data_from_numpy(np.ascontiguousarray(array))
        inputs.append(tensor)
    return inputs


def parameters_of(params: Mapping[str, Any] | None, parameters: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Request parameters: MLflow's params as one JSON text, and Triton's own."""
    found = dict(parameters or {})
    if params:
        found["params"] = values.params_text(params)
    return found or None


def outputs_of(result: Any, names: Iterable[str]) -> dict[str, Array]:
    """The tensors of an `InferResult`; those that the model left out are not there."""
    found = {name: result.as_numpy(name) for name in names}
    return {name: array for name, array in found.items() if array is not None}


def decoded(result: Any, interface: Interface) -> Any:
    """What the signature says of an `InferResult`."""
    return values.decode(outputs_of(result, [field.name for field in interface.schema.outputs]), interface)


def interface_of(config: Mapping[str, Any], version: str) -> Interface:
    """The interface in what either protocol answers to `get_model_config`.

    Raises:
        ClientError: it cannot be understood.
    """
    try:
        return Interface.from_config(config.get("config", config), version)
    except BackendError as error:
        raise ClientError(f"the model's configuration: {error}") from None


def check_streams(protocol: str) -> None:
    """Raises: InputError: the protocol has no streams."""
    if protocol != "grpc":
        raise InputError("an answer in pieces needs gRPC; use a URL grpc://HOST:8001.")


def as_one(sent: Mapping[str, Any] | None) -> dict[str, Any]:
    """Parameters that have a decoupled model answer in one piece."""
    return {**(sent or {}), _STREAM: False}


def only_piece(pieces: Sequence[Any]) -> Any:
    """The answer of a decoupled model that was asked for one piece.

    Raises:
        ClientError: it gave none, or several.
    """
    if len(pieces) != 1:
        raise ClientError(f"the model answered in {len(pieces)} pieces; use predict_stream.")
    return pieces[0]


def late_piece(deadline: float | None) -> DeadlineError:
    """The error of a stream whose next piece did not come in time."""
    return DeadlineError(f"no piece came in {deadline} s.", "DEADLINE_EXCEEDED")


def rpc_error() -> type[Exception]:
    """gRPC's own error, which tritonclient's asynchronous streams let pass."""
    found: type[Exception] = importlib.import_module("grpc").RpcError
    return found


def _gevent_tls() -> Any:
    """Sockets of tritonclient's HTTP client are those of gevent."""
    return importlib.import_module("gevent.ssl").create_default_context()
