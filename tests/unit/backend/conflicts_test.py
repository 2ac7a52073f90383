"""Written configurations against signatures."""

from __future__ import annotations

import dataclasses

from absl.testing import absltest, parameterized

from mlflow_backend import conflicts, schema
from mlflow_backend.conflicts import TensorConfig
from mlflow_backend.metadata import Signature

_COLUMNS = schema.build(
    Signature(
        ({"type": "double", "name": "x", "required": True}, {"type": "long", "name": "n", "required": False}),
        ({"type": "string", "name": "y"},),
        None,
    )
)
_IMAGES = schema.build(
    Signature(({"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, -1, 3]}},), None, None)
)
_MATRIX = schema.build(
    Signature(({"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [2, 3]}},), None, None)
)


class ConflictsTest(parameterized.TestCase):
    @parameterized.parameters(
        (8, TensorConfig("x", "TYPE_FP64", (1,))),
        (0, TensorConfig("x", "TYPE_FP64", (-1,))),
        (0, TensorConfig("x", "TYPE_FP64", (-1, 1))),
        (0, TensorConfig("x", "TYPE_FP64", (5,))),
        (8, TensorConfig("x")),
        (8, TensorConfig("n", optional=True)),
    )
    def test_agreeing_columns(self, max_batch_size: int, entry: TensorConfig) -> None:
        self.assertEmpty(conflicts.find(_COLUMNS, max_batch_size, [entry], []))

    def test_models_that_do_not_go_row_by_row(self) -> None:
        whole = schema.build(Signature(({"type": "string"},), ({"type": "string"},), None), max_batch_size=0)
        self.assertEmpty(conflicts.find(whole, 0, [], []))
        (problem,) = conflicts.find(whole, 8, [], [])
        self.assertEqual(
            problem,
            "max_batch_size is 8, but the model, by its task or its own metadata, answers a request as a whole and not "
            "row by row, so requests cannot be batched; write max_batch_size: 0.",
        )

    def test_an_axis_may_be_narrower(self) -> None:
        self.assertEmpty(conflicts.find(_IMAGES, 8, [TensorConfig("input-0", "TYPE_FP32", (224, 3))], []))

    @parameterized.parameters(
        (
            8,
            TensorConfig("x", "TYPE_FP32", (1,)),
            "input 'x': data_type is TYPE_FP32, but the signature says double; write TYPE_FP64.",
        ),
        (
            8,
            TensorConfig("x", "TYPE_FP64", (4,)),
            "input 'x': dims are [4], but the signature says double, which with max_batch_size above 0 is [1]; "
            "write dims: [1].",
        ),
        (
            0,
            TensorConfig("x", "TYPE_FP64", (-1, 2)),
            "input 'x': dims are [-1, 2], but the signature says double, which with max_batch_size 0 is [-1]; "
            "write dims: [-1].",
        ),
        (
            8,
            TensorConfig("x", optional=True),
            "input 'x': optional is true, but the signature requires it; remove 'optional'.",
        ),
        (8, TensorConfig("z"), "input 'z' is not in the signature, whose inputs are 'x', 'n'; rename or remove it."),
    )
    def test_conflicting_columns(self, max_batch_size: int, entry: TensorConfig, message: str) -> None:
        self.assertEqual(conflicts.find(_COLUMNS, max_batch_size, [entry], []), [message])

    def test_ragged_batches(self) -> None:
        ragged = TensorConfig("input-0", ragged=True)
        self.assertEmpty(conflicts.find(_IMAGES, 8, [ragged], []))
        (problem,) = conflicts.find(_IMAGES, 0, [ragged], [])
        self.assertEqual(
            problem,
            "input 'input-0': allow_ragged_batch is true, but nothing is batched; remove 'allow_ragged_batch'.",
        )
        (problem,) = conflicts.find(_COLUMNS, 8, [TensorConfig("x", ragged=True)], [])
        self.assertEqual(
            problem,
            "input 'x': allow_ragged_batch is true, but the signature says double, whose rows all have one shape; "
            "remove 'allow_ragged_batch'.",
        )

    @parameterized.parameters((1, 2), (4, 64))
    def test_more_than_the_model_takes(self, takes: int, written: int) -> None:
        model = dataclasses.replace(_COLUMNS, max_batch_size=takes)
        self.assertEmpty(conflicts.find(model, takes, [], []))
        self.assertEqual(
            conflicts.find(model, written, [], []),
            [f"max_batch_size is {written}, but the model takes {takes}; write max_batch_size: {takes}."],
        )

    def test_every_field_is_named(self) -> None:
        problems = conflicts.find(_COLUMNS, 8, [TensorConfig("x", "TYPE_FP32", (2,))], [TensorConfig("y", "TYPE_FP32")])
        self.assertLen(problems, 3)
        self.assertStartsWith(problems[2], "output 'y': data_type is TYPE_FP32")

    def test_batching_without_row_axis(self) -> None:
        (problem,) = conflicts.find(_MATRIX, 4, [], [])
        self.assertIn("max_batch_size is 4", problem)
        self.assertIn("'input-0' is tensor float32 [2, 3] without a row axis", problem)
        self.assertIn("write max_batch_size: 0", problem)


if __name__ == "__main__":
    absltest.main()
