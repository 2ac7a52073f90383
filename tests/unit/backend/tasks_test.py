"""What signatures do not say of the tasks of MLflow's own flavors."""

from __future__ import annotations

from typing import Any

from absl.testing import absltest, parameterized

from mlflow_backend import tasks


def _vector(dtype: str, shape: list[int], **more: Any) -> dict[str, Any]:
    return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": shape}, **more}


_UNKNOWN = _vector("float64", [-1])


class TasksTest(parameterized.TestCase):
    @parameterized.parameters(
        ({"sentence_transformers": {}}, _UNKNOWN, _vector("float32", [-1, -1])),
        (
            {"transformers": {"task": "feature-extraction"}},
            _vector("float64", [-1], name="double"),
            _vector("float64", [-1, -1], name="double"),
        ),
        # What somebody has written or MLflow has inferred stays.
        ({"sentence_transformers": {}}, _vector("float32", [-1, 384]), _vector("float32", [-1, 384])),
        ({"sentence_transformers": {}}, {"type": "double"}, {"type": "double"}),
        ({"transformers": {"task": "text-generation"}}, _UNKNOWN, _UNKNOWN),
        ({"sklearn": {}}, _UNKNOWN, _UNKNOWN),
    )
    def test_outputs(self, flavors: tasks.Flavors, saved: dict[str, Any], wanted: dict[str, Any]) -> None:
        self.assertEqual(tasks.outputs((saved,), {"python_function": {}, **flavors}), (wanted,))

    def test_outputs_that_are_not_one_vector(self) -> None:
        flavors = {"sentence_transformers": {}}
        self.assertIsNone(tasks.outputs(None, flavors))
        self.assertEqual(tasks.outputs((_UNKNOWN, _UNKNOWN), flavors), (_UNKNOWN, _UNKNOWN))

    @parameterized.parameters(
        ({"transformers": {"task": "text-classification"}}, True),
        ({"transformers": {"task": "feature-extraction"}}, False),
        ({"transformers": {"task": "zero-shot-classification"}}, False),
        ({"transformers": {"task": "text-generation"}}, True),
        ({"transformers": {"task": "text-generation", "inference_task": "llm/v1/chat"}}, False),
        ({"sentence_transformers": {}}, True),
        ({"sentence_transformers": {}, "python_function": {"config": {"task": "llm/v1/embeddings"}}}, False),
        ({"python_function": {"config": {"task": "llm/v1/embeddings"}}}, True),
        ({"python_function": {"config": None}}, True),
    )
    def test_row_by_row(self, flavors: tasks.Flavors, wanted: bool) -> None:
        self.assertEqual(tasks.row_by_row(flavors), wanted)


if __name__ == "__main__":
    absltest.main()
