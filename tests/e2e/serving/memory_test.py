"""A model that wants more memory than it may have, on a real server."""

from __future__ import annotations

import concurrent.futures

import numpy as np
from absl.testing import absltest

from mlflow_backend_utils.config.writer import ConfigOptions
from mlflow_backend_utils.server.clients import HttpClient, RequestRefusedError
from tests.e2e import served_model

# Of which a process with MLflow and pandas in it has taken about 200.
_LIMIT_MIB = 400


class MemoryTest(served_model.ServedModelsTest):
    options = {"hungry": ConfigOptions(parameters={"memory_limit": f"{_LIMIT_MIB}MiB"})}

    def _ask(self, mebibytes: np.ndarray[tuple[int], np.dtype[np.int64]]) -> tuple[int, int]:
        """What the model allocated in MiB, and the process in which it did."""
        with HttpClient(self.server.http_url, binary=True) as client:
            answer = client.infer("hungry", {"mebibytes": mebibytes}, ["mebibytes", "process"])
        return int(answer["mebibytes"].item()), int(answer["process"].item())

    def _is_refused(self, mebibytes: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
        with self.assertRaisesRegex(
            RequestRefusedError, f"503: .*MemoryError.*the model's process may have {_LIMIT_MIB} MiB of memory"
        ):
            self._ask(mebibytes)

    def test_others_live_on(self) -> None:
        _, process = self._ask(np.array([1]))
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            greedy = [pool.submit(self._is_refused, np.array([size])) for size in (_LIMIT_MIB, 4096, 1 << 20)]
            modest = [pool.submit(self._ask, np.array([size])) for size in (2, 32, 3, 64)]
            for refused in greedy:
                refused.result()
            self.assertEqual([answer.result() for answer in modest], [(size, process) for size in (2, 32, 3, 64)])

    def test_a_huge_request(self) -> None:
        _, process = self._ask(np.array([1]))
        self._is_refused(np.ones(40 << 20, np.int64))
        self.assertEqual(self._ask(np.array([1])), (1, process))


if __name__ == "__main__":
    absltest.main()
