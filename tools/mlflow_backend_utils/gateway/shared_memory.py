"""Large requests to a server on the same machine, through shared memory.

Over gRPC a tensor is copied into the message, into its text, into the kernel and out of it, and in the server again;
through a region of memory that both have mapped, once. A region is made when a request needs one, registered with the
server, used by one request at a time, and kept for others.

Its name in /dev/shm is removed as soon as the server has mapped it: however this process ends, no file stays behind.
The server's own mapping goes when it is unregistered: at the end, or by the next gateway after one that was killed.
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import numpy as np
from tritonclient.grpc import service_pb2

from mlflow_backend_utils.gateway import tensors
from mlflow_backend_utils.gateway.tensors import Array

_LOGGER = logging.getLogger(__name__)

# Smaller requests are as fast without (//tests/bench:shared_memory).
LEAST_BYTES = 1 << 16
_FOLDER = Path("/dev/shm")
_PREFIX = "mlflow_gateway_"
_NAME = re.compile(rf"{_PREFIX}(\d+)_[0-9a-f]+")
_ALIGNMENT = 64
_SMALLEST_REGION = 1 << 20
_MOST_BYTES = 1 << 28
# A server still reads the request that nobody waits for any more, and may keep others waiting with it.
_REST_SECONDS = 600.0
# What a server says of a region that it does not have; it may have been started anew.
LOST = "shared memory region"

# Asks the server: a method's name and its message.
Ask = Callable[[str, Any], Awaitable[Any]]


class Region(NamedTuple):
    """Memory that the server has mapped, too.

    Attributes:
        name: the server's name of it.
        memory: of `size` bytes.
        size: a power of two.
    """

    name: str
    memory: mmap.mmap
    size: int


class Regions:
    """The regions of one connection.

    Args:
        ask: asks the server.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._owned: dict[str, int] = {}
        self._free: list[Region] = []
        self._resting: list[tuple[float, Region]] = []
        # None: not known yet whether the server has the same /dev/shm.
        self._works: bool | None = None

    @contextlib.asynccontextmanager
    async def lent(self, size: int) -> AsyncIterator[Region | None]:
        """A region of at least so many bytes; None where there is none to be had."""
        region = await self._take(size) if self._works is not False else None
        try:
            yield region
        finally:
            # One that was forgotten meanwhile is let go.
            resting = [rested for _, rested in self._resting]
            if region is not None and region.name in self._owned and region not in resting:
                self._free.append(region)

    def rest(self, region: Region) -> None:
        """Lend a region to nobody for a while: its request was given up, and the server may still use it."""
        self._resting.append((time.monotonic() + _REST_SECONDS, region))

    def _wake(self) -> None:
        now = time.monotonic()
        self._free += [region for until, region in self._resting if until <= now and region.name in self._owned]
        self._resting = [(until, region) for until, region in self._resting if until > now]

    async def _take(self, size: int) -> Region | None:
        self._wake()
        fitting = [region for region in self._free if region.size >= size]
        if fitting:
            found = min(fitting, key=lambda region: region.size)
            self._free.remove(found)
            return found
        wanted = max(_SMALLEST_REGION, 1 << (size - 1).bit_length())
        if sum(self._owned.values()) + wanted > _MOST_BYTES:
            return None
        if self._works is None:
            await self._clean()
        name = f"{_PREFIX}{os.getpid()}_{secrets.token_hex(4)}"
        # Counted before it is there, for others may want one meanwhile.
        self._owned[name] = wanted
        region = await self._make(name, wanted)
        self._works = region is not None
        if region is None:
            self._owned.pop(name, None)
        return region

    async def _make(self, name: str, size: int) -> Region | None:
        path = _FOLDER / name
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            _LOGGER.info("no shared memory: %s", error)
            return None
        try:
            os.posix_fallocate(descriptor, 0, size)
            memory = mmap.mmap(descriptor, size)
            message = service_pb2.SystemSharedMemoryRegisterRequest(  # type: ignore[attr-defined]
                name=name, key="/" + name, offset=0, byte_size=size
            )
            await self._ask("SystemSharedMemoryRegister", message)
        except (OSError, grpc.aio.AioRpcError) as error:
            _LOGGER.info("the server does not share memory with this process: %s", error)
            return None
        finally:
            os.close(descriptor)
            path.unlink()
        return Region(name, memory, size)

    async def _clean(self) -> None:
        """Unregister what gateways that are gone have left."""
        with contextlib.suppress(grpc.aio.AioRpcError):
            question = service_pb2.SystemSharedMemoryStatusRequest()  # type: ignore[attr-defined]
            for name in (await self._ask("SystemSharedMemoryStatus", question)).regions:
                found = _NAME.fullmatch(name)
                if found and not Path("/proc", found[1]).exists():
                    await self._unregister(name)

    async def _unregister(self, name: str) -> None:
        message = service_pb2.SystemSharedMemoryUnregisterRequest(name=name)  # type: ignore[attr-defined]
        await self._ask("SystemSharedMemoryUnregister", message)

    def forget(self) -> None:
        """Use none of the regions again: the server does not know them."""
        self._free.clear()
        self._resting.clear()
        self._owned.clear()
        self._works = None

    async def close(self) -> None:
        """Unregister all regions that the server cannot be using."""
        with contextlib.suppress(grpc.aio.AioRpcError):
            for region in self._free:
                await self._unregister(region.name)
        self.forget()


def place(message: Any, arrays: Mapping[str, Array], region: Region) -> None:
    """Add tensors to a request, their contents in a region.

    Args:
        message: a `ModelInferRequest`.
        arrays: by input.
        region: at least of `size_of(arrays)` bytes.
    """
    start = 0
    for name, array in arrays.items():
        tensor = message.inputs.add(name=name, datatype=tensors.datatype(array), shape=array.shape)
        if array.dtype == object:
            content = tensors.raw(array)
            size = len(content)
            region.memory[start : start + size] = content
        else:
            size = array.nbytes
            if size:
                target: Array = np.frombuffer(region.memory, array.dtype, array.size, start)
                target.reshape(array.shape)[...] = array
        tensor.parameters["shared_memory_region"].string_param = region.name
        tensor.parameters["shared_memory_byte_size"].int64_param = size
        tensor.parameters["shared_memory_offset"].int64_param = start
        start = _aligned(start + size)


def size_of(arrays: Mapping[str, Array]) -> int:
    """Bytes that a request's tensors take in a region."""
    return sum(_aligned(tensors.raw_size(array)) for array in arrays.values())


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
