"""Requests that wait are asked together, and each gets what is its own."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
from absl.testing import absltest

from mlflow_backend_utils.gateway.coalesce import Coalescer
from mlflow_backend_utils.gateway.errors import GatewayError, ModelRaisedError


class _Model:
    """Doubles x; remembers the rows of each call. Refuses what holds a 13."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.away = False

    async def ask(self, tensors: Any) -> Any:
        await asyncio.sleep(0.001)
        self.calls.append(len(tensors["x"]))
        if self.away:
            raise GatewayError("away", 503, "TEMPORARILY_UNAVAILABLE")
        if 13 in tensors["x"]:
            raise ModelRaisedError("13")
        return {"y": 2 * tensors["x"]}


def _rows(*values: int, dtype: Any = np.int64) -> dict[str, np.ndarray]:
    return {"x": np.array(values, dtype).reshape(-1, 1)}


class CoalesceTest(absltest.TestCase):
    def setUp(self) -> None:
        self.model = _Model()

    def _all(self, requests: list[dict[str, np.ndarray]], most_rows: int = 64) -> list[Any]:
        async def run() -> list[Any]:
            coalescer = Coalescer(self.model.ask, most_rows)
            return await asyncio.gather(*map(coalescer.infer, requests), return_exceptions=True)

        return asyncio.run(run())

    def test_each_gets_its_own_rows(self) -> None:
        requests = [_rows(*range(count)) for count in (1, 3, 2, 5, 1, 4)]
        answers = self._all(requests)
        for request, answer in zip(requests, answers, strict=True):
            np.testing.assert_array_equal(answer["y"], 2 * request["x"])
        self.assertLess(len(self.model.calls), len(requests))

    def test_no_call_has_more_rows_than_the_model_takes(self) -> None:
        self._all([_rows(1, 2, 3)] * 20, most_rows=8)
        self.assertLessEqual(max(self.model.calls), 8)
        self.assertEqual(sum(self.model.calls), 60)

    def test_a_request_larger_than_that_goes_as_it_is(self) -> None:
        self._all([_rows(*range(20))], most_rows=8)
        self.assertEqual(self.model.calls, [20])

    def test_one_that_fails_fails_alone(self) -> None:
        answers = self._all([_rows(value) for value in (1, 2, 13, 4, 5)])
        self.assertIsInstance(answers[2], ModelRaisedError)
        self.assertEqual([answers[at]["y"].tolist() for at in (0, 1, 3, 4)], [[[2]], [[4]], [[8]], [[10]]])

    def test_a_server_that_is_away_is_not_asked_for_each(self) -> None:
        self.model.away = True
        answers = self._all([_rows(value) for value in range(50)])
        self.assertTrue(all(isinstance(answer, GatewayError) for answer in answers))
        self.assertLess(len(self.model.calls), 10)

    def test_types_do_not_mix(self) -> None:
        answers = self._all([_rows(1), _rows(2, dtype=np.float64)] * 5)
        self.assertEqual({str(answer["y"].dtype) for answer in answers}, {"int64", "float64"})

    def test_who_goes_away_keeps_nobody(self) -> None:
        async def run() -> Any:
            coalescer = Coalescer(self.model.ask, 64)
            tasks = [asyncio.ensure_future(coalescer.infer(_rows(value))) for value in range(6)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            return await asyncio.gather(*tasks, return_exceptions=True)

        answers = asyncio.run(run())
        self.assertEqual([answers[at]["y"].tolist() for at in (1, 3, 5)], [[[2]], [[6]], [[10]]])
        self.assertTrue(all(isinstance(answer, asyncio.CancelledError) for answer in answers[::2]))


if __name__ == "__main__":
    absltest.main()
