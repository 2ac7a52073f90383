"""Requests that differ in shape, or in which inputs they have, sent at once to a real server."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Sequence
from typing import Any

import numpy as np
import tritonclient.grpc as grpcclient
from absl.testing import absltest

from mlflow_backend_utils.config.writer import ConfigOptions
from mlflow_backend_utils.server.clients import GrpcClient
from tests.e2e import served_model

Arrays = dict[str, np.ndarray[Any, Any]]
_REQUESTS = 6


class RaggedTest(served_model.ServedModelsTest):
    # As soon as all of them are there, which is long before the delay ends.
    options = {
        name: ConfigOptions(
            max_batch_size=_REQUESTS, max_queue_delay_microseconds=5_000_000, preferred_batch_sizes=(6,)
        )
        for name in ("optional", "widths")
    }

    def _executions(self, model: str) -> int:
        with grpcclient.InferenceServerClient(self.server.grpc_url) as client:
            (statistics,) = client.get_inference_statistics(model).model_stats
        return int(statistics.execution_count)

    def _all_at_once(self, model: str, requests: Sequence[Arrays]) -> list[np.ndarray[Any, Any]]:
        with GrpcClient(self.server.grpc_url) as client, concurrent.futures.ThreadPoolExecutor(len(requests)) as pool:
            answers = pool.map(lambda request: client.infer(model, request, ["output-0"])["output-0"], requests)
            return list(answers)

    def test_different_shapes_are_one_batch(self) -> None:
        widths = [1, 3, 1, 2, 3, 1]
        requests = [{"input-0": np.full((1, width), number + 0.5)} for number, width in enumerate(widths)]
        before = self._executions("widths")
        answers = self._all_at_once("widths", requests)
        self.assertEqual(self._executions("widths") - before, 1)
        for number, (width, answer) in enumerate(zip(widths, answers, strict=True)):
            # `predict` gets those of one width together.
            self.assertEqual(answer.tolist(), [[width * (number + 0.5), widths.count(width)]])

    def test_different_inputs_are_answered_each(self) -> None:
        requests: list[Arrays] = []
        for number in range(_REQUESTS):
            requests.append({"x": np.array([[number]], np.float64)})
            if number % 2:
                requests[-1]["maybe"] = np.array([[0.25]])
        answers = self._all_at_once("optional", requests)
        wanted = [number + 0.25 * (number % 2) for number in range(_REQUESTS)]
        self.assertEqual([answer.item() for answer in answers], wanted)


if __name__ == "__main__":
    absltest.main()
