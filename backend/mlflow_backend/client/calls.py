"""What the synchronous and the asynchronous client have in common: addresses, requests and results of tritonclient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from tritonclient.utils import np_to_triton_dtype

from mlflow_backend.client import values
from mlflow_backend.client.errors import InputError
from mlflow_backend.client.interface import Interface

Array = np.ndarray[Any, np.dtype[Any]]

_SCHEMES = {"grpc": False, "grpcs": True, "http": False, "https": True}

# Calls of tritonclient that a model hands on as they are, with its name and version filled in where they have them.
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
        "start_stream",
        "stop_stream",
        "stream_infer",
        "unload_model",
        "unregister_cuda_shared_memory",
        "unregister_system_shared_memory",
        "update_log_settings",
        "update_trace_settings",
        "async_infer",
        "async_stream_infer",
    }
)


def address(url: str) -> tuple[str, bool, str]:
    """Protocol (`grpc` or `http`), whether it is encrypted, and `host:port` of a URL.

    Raises:
        InputError: the URL has another scheme, or no port.
    """
    parts = urlsplit(url if "://" in url else f"grpc://{url}")
    if parts.scheme not in _SCHEMES or not parts.netloc:
        raise InputError(
            f"'{url}' is no address of a server; write grpc://HOST:8001, grpcs://…, http://HOST:8000 or https://…."
        )
    return parts.scheme.removesuffix("s"), _SCHEMES[parts.scheme], parts.netloc


def tensors_of(interface: Interface, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Array]:
    """The tensors of a call with positional or keyword inputs, in config.pbtxt's order.

    Raises:
        InputError: both are given, too many, or one does not fit.
    """
    if args and kwargs:
        raise InputError("give the inputs either by position or by name, not both.")
    if not args:
        return values.encode_named(kwargs, interface)
    names = [field.name for field in interface.inputs]
    # One argument for a model of several inputs is all of them: a DataFrame, a dict, a list of rows.
    if len(args) == 1 and (len(names) > 1 or _holds_all(args[0])):
        return values.encode(args[0], interface)
    if len(args) > len(names):
        raise InputError(f"{len(args)} inputs were given, but the model has {len(names)}: {', '.join(names)}.")
    return values.encode_named(dict(zip(names, args, strict=False)), interface)


def _holds_all(data: Any) -> bool:
    return isinstance(data, Mapping) or hasattr(data, "columns")


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
