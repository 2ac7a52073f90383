"""Triton's `ModelConfig` message, loaded without gRPC.

`tritonclient.grpc` holds the message's module but imports gRPC with it, which costs more than writing a whole
configuration; so that one file is loaded on its own.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from functools import cache
from pathlib import Path
from typing import Any


@cache
def text_format() -> Any:
    """protobuf's text format. Neither it nor the generated messages have types, so they are `Any` to a type checker."""
    return importlib.import_module("google.protobuf.text_format")


@cache
def model_config() -> Any:
    """The generated module with `ModelConfig` and the `DataType` enumeration.

    Raises:
        ImportError: the package tritonclient is not installed.
    """
    loaded = sys.modules.get("tritonclient.grpc.model_config_pb2")
    if loaded is not None:
        # The message may be registered only once in a process.
        return loaded
    package = importlib.util.find_spec("tritonclient")
    if package is None or not package.submodule_search_locations:
        raise ImportError("tritonclient is not installed; install tritonclient[grpc].")
    path = Path(next(iter(package.submodule_search_locations)), "grpc", "model_config_pb2.py")
    spec = importlib.util.spec_from_file_location("tritonclient.grpc.model_config_pb2", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path}: cannot be loaded; install tritonclient[grpc].")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # tritonclient.grpc, should it come later, must find this one.
    sys.modules[spec.name] = module
    return module
