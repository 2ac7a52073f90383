"""Regions are lent to one request at a time, and nothing of them is seen in the file system."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import grpc
import numpy as np
from absl.testing import absltest
from tritonclient.grpc import service_pb2

from mlflow_backend_utils.gateway import shared_memory, tensors


class _Server:
    """Registers what it is told; does not, if it is elsewhere."""

    def __init__(self, is_near: bool = True) -> None:
        self.is_near = is_near
        self.names: list[str] = ["mlflow_gateway_4194305_ab", "mlflow_gateway_1_ab", "others"]
        self.asked: list[str] = []

    async def ask(self, method: str, message: Any) -> Any:
        self.asked.append(method)
        await asyncio.sleep(0)
        if method == "SystemSharedMemoryStatus":
            return SimpleNamespace(regions=list(self.names))
        if method == "SystemSharedMemoryUnregister":
            self.names.remove(message.name)
        elif not self.is_near:
            raise grpc.aio.AioRpcError(grpc.StatusCode.INVALID_ARGUMENT, grpc.aio.Metadata(), grpc.aio.Metadata())
        else:
            assert Path("/dev/shm", message.key[1:]).stat().st_size == message.byte_size
            self.names.append(message.name)
        return None


class SharedMemoryTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.server = _Server()
        self.regions = shared_memory.Regions(self.server.ask)

    def tearDown(self) -> None:
        self.assertEmpty(list(Path("/dev/shm").glob("mlflow_gateway_*")))
        super().tearDown()

    def test_lent_and_used_again(self) -> None:
        async def use() -> None:
            async with self.regions.lent(5) as first, self.regions.lent(3 << 20) as second:
                assert first is not None and second is not None
                self.assertEqual((first.size, second.size), (1 << 20, 4 << 20))
                self.assertNotEqual(first.name, second.name)
            for size, wanted in ((5, first), (1 << 21, second)):
                async with self.regions.lent(size) as again:
                    self.assertEqual(again, wanted)
            await self.regions.close()

        asyncio.run(use())
        # What a gateway that is gone had left was unregistered, too; that of one that lives was not.
        self.assertEqual(self.server.names, ["mlflow_gateway_1_ab", "others"])

    def test_a_server_elsewhere(self) -> None:
        self.server.is_near = False

        async def use() -> None:
            for _ in range(3):
                async with self.regions.lent(5) as region:
                    self.assertIsNone(region)

        asyncio.run(use())
        self.assertEqual(self.server.asked.count("SystemSharedMemoryRegister"), 1)

    def test_forgotten(self) -> None:
        async def use() -> None:
            async with self.regions.lent(5) as old:
                self.regions.forget()
            async with self.regions.lent(5) as new:
                assert old is not None and new is not None
                self.assertNotEqual(old.name, new.name)

        asyncio.run(use())

    def test_one_that_a_server_may_still_read_rests(self) -> None:
        async def use() -> None:
            with mock.patch.object(shared_memory.time, "monotonic", return_value=0.0) as clock:
                async with self.regions.lent(5) as given_up:
                    assert given_up is not None
                    self.regions.rest(given_up)
                clock.return_value = shared_memory._REST_SECONDS - 1
                async with self.regions.lent(5) as other:
                    self.assertNotEqual(given_up, other)
                    clock.return_value += 2
                    async with self.regions.lent(5) as again:
                        self.assertEqual(given_up, again)
                async with self.regions.lent(5) as last:
                    assert last is not None
                    self.regions.rest(last)
                await self.regions.close()
            # Unregistered while it is read, it would be taken from under the server.
            self.assertIn(last.name, self.server.names)

        asyncio.run(use())

    def test_not_without_end(self) -> None:
        async def use() -> None:
            async with contextlib.AsyncExitStack() as stack:
                found = [await stack.enter_async_context(self.regions.lent(64 << 20)) for _ in range(6)]
            self.assertEqual([region is not None for region in found], [True] * 4 + [False] * 2)

        asyncio.run(use())

    def test_contents(self) -> None:
        arrays = {
            "numbers": np.arange(12, dtype=np.float32).reshape(3, 4)[:, ::2],
            "texts": np.array([b"a", b"", "ö".encode()], object),
            "none": np.zeros((0, 3), np.int64),
        }

        async def use() -> None:
            async with self.regions.lent(shared_memory.size_of(arrays)) as region:
                assert region is not None
                message = service_pb2.ModelInferRequest()  # type: ignore[attr-defined]
                shared_memory.place(message, arrays, region)
                self.assertEqual([list(tensor.shape) for tensor in message.inputs], [[3, 2], [3], [0, 3]])
                for tensor, array in zip(message.inputs, arrays.values(), strict=True):
                    start = tensor.parameters["shared_memory_offset"].int64_param
                    size = tensor.parameters["shared_memory_byte_size"].int64_param
                    self.assertEqual(bytes(region.memory[start : start + size]), tensors.raw(array))
                    self.assertEqual(tensor.parameters["shared_memory_region"].string_param, region.name)

        asyncio.run(use())

    def test_parts(self) -> None:
        rows = {"x": np.arange(10), "y": np.arange(20).reshape(10, 2)}
        parts = tensors.split(rows, 4)
        self.assertEqual([len(part["x"]) for part in parts], [4, 4, 2])
        for name, array in tensors.join(parts).items():
            np.testing.assert_array_equal(array, rows[name])
        for most in (0, 10, 11):
            self.assertLen(tensors.split(rows, most), 1)


if __name__ == "__main__":
    absltest.main()
