"""Limits of memory."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from absl.testing import absltest, parameterized
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, Schema

from mlflow_backend import errors, memory, service
from mlflow_backend.errors import BackendError, ConfigMismatchError
from tests.unit.backend import models

_MIB = 1 << 20


def _hungry(frame: Any, params: Any) -> pd.DataFrame:
    sizes = [len(np.ones(int(size) << 17)) >> 17 for size in frame["mebibytes"]]
    return pd.DataFrame({"mebibytes": sizes})


class MemoryTest(parameterized.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(resource.setrlimit, resource.RLIMIT_DATA, resource.getrlimit(resource.RLIMIT_DATA))

    def _load(self, limit: int) -> service.Service:
        column = Schema([ColSpec("long", "mebibytes")])
        folder = models.save(Path(self.create_tempdir().full_path) / "model", _hungry, ModelSignature(column, column))
        parameters = {"memory_limit": {"string_value": str(limit)}}
        return service.Service.load(folder, {"max_batch_size": 8, "parameters": parameters})

    @parameterized.parameters(("7", 7), ("2KiB", 2048), ("3MiB", 3 * _MIB), ("1GiB", 1024 * _MIB), ("1TiB", 1 << 40))
    def test_sizes(self, text: str, size: int) -> None:
        self.assertEqual(memory.parse(text), size)

    @parameterized.parameters("", "0", "-1", "1GB", "1 GiB", "GiB", "1.5GiB", "²", "9" * 20)
    def test_no_sizes(self, text: str) -> None:
        with self.assertRaisesRegex(ValueError, "write a number of bytes, or one with KiB, MiB, GiB or TiB behind it"):
            memory.parse(text)

    def test_who_wants_more_fails_alone(self) -> None:
        # Tests of one process have different needs of their own.
        limit = 2048
        model = self._load(limit * _MIB)
        batch = [service.Request({"mebibytes": np.array([size])}, {}) for size in (1, 1 << 20, 64)]
        first, error, last = models.answer_all(model, batch)
        self.assertEqual((first["mebibytes"].item(), last["mebibytes"].item()), (1, 64))
        self.assertIsInstance(error, BackendError)
        self.assertEqual(error.code, "UNAVAILABLE")
        self.assertRegex(
            str(error), f"^predict failed: .*MemoryError: .*the model's process may have {limit} MiB of memory"
        )

    def test_less_than_the_loaded_model_has(self) -> None:
        with self.assertRaisesRegex(
            ConfigMismatchError,
            r"'memory_limit' is 1048576 bytes, and the process has \d+ MiB of memory once the model is loaded; write",
        ):
            self._load(_MIB)

    @parameterized.parameters(
        (MemoryError(), "UNAVAILABLE"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"), "UNAVAILABLE"),
        (ValueError("std::bad_alloc"), "UNAVAILABLE"),
        (ValueError("no"), "INVALID_ARG"),
    )
    def test_errors_of_libraries(self, error: Exception, code: str) -> None:
        self.assertEqual(errors.from_exception(error).code, code)


if __name__ == "__main__":
    absltest.main()
