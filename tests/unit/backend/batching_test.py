"""Grouping and isolation of requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from absl.testing import absltest, parameterized
from hypothesis import given, settings
from hypothesis import strategies as st

from mlflow_backend import batching, requests
from mlflow_backend.errors import BackendError
from mlflow_backend.requests import DecodedRequest


def _request(rows: int = 1, params: dict[str, Any] | None = None, **inputs: Any) -> DecodedRequest:
    return DecodedRequest(inputs or {"x": np.zeros(rows)}, rows, params or {})


class GroupsTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("equal", [_request(), _request(2)], [[0, 1]]),
        ("params", [_request(params={"k": 1}), _request(params={"k": 2}), _request(params={"k": 1})], [[0, 2], [1]]),
        ("types", [_request(params={"k": 1}), _request(params={"k": True})], [[0], [1]]),
        ("columns", [_request(a=np.zeros(1)), _request(a=np.zeros(1), b=np.zeros(1))], [[0], [1]]),
        ("row_shapes", [_request(a=np.zeros((1, 2))), _request(a=np.zeros((1, 3)))], [[0], [1]]),
        ("dtypes", [_request(a=np.zeros(1)), _request(a=np.zeros(1, np.float32))], [[0], [1]]),
        ("full", [_request(6), _request(3), _request(1)], [[0], [1, 2]]),
        ("too_large_alone", [_request(20), _request(1)], [[0], [1]]),
    )
    def test_groups(self, batch: list[DecodedRequest], expected: list[list[int]]) -> None:
        self.assertEqual(batching.groups(batch, max_rows=8), expected)

    def test_nothing_is_stacked_without_row_axis(self) -> None:
        self.assertEqual(batching.groups([_request(), _request()], max_rows=0), [[0], [1]])

    def test_stack_keeps_order(self) -> None:
        stacked = requests.stack([_request(x=np.array([1])), _request(x=np.array([2]))])
        self.assertEqual((stacked.inputs["x"].tolist(), stacked.rows), ([1, 2], 2))


class AnswerEachTest(absltest.TestCase):
    @settings(deadline=None, database=None)
    @given(st.integers(1, 40), st.sets(st.integers(0, 39)))
    def test_each_good_request_is_answered(self, count: int, poisoned: set[int]) -> None:
        batch = [_request(x=np.array([position])) for position in range(count)]
        calls = 0

        def predict(group: Sequence[DecodedRequest]) -> list[int]:
            nonlocal calls
            calls += 1
            values = [int(request.inputs["x"][0]) for request in group]
            if poisoned.intersection(values):
                raise ValueError(f"poisoned {values}")
            return values

        results = batching.answer_each(batch, predict)
        for position, result in enumerate(results):
            if position in poisoned:
                self.assertIsInstance(result, BackendError)
                self.assertEqual(str(result), f"predict failed: ValueError: poisoned [{position}]")
            else:
                self.assertEqual(result, position)
        self.assertLessEqual(calls, 2 * count - 1)
        if not poisoned.intersection(range(count)):
            self.assertEqual(calls, 1)


if __name__ == "__main__":
    absltest.main()
