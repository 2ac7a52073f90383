"""The form of an answer: told by the backend, put together again by a client as MLflow would write it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from absl.testing import absltest, parameterized

from mlflow_backend import forms, schema
from mlflow_backend.metadata import Signature


def _columns(*names: str | None) -> tuple[schema.Field, ...]:
    specs = tuple({"type": "double", **({} if name is None else {"name": name})} for name in names)
    return schema.build(Signature(specs, specs, None)).outputs


_TENSOR = schema.build(
    Signature(
        ({"type": "double", "name": "x"},),
        ({"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}},),
        None,
    )
).outputs


class FormsTest(parameterized.TestCase):
    @parameterized.named_parameters(
        (
            "frame",
            pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}),
            _columns("a", "b"),
            {"frame": ["a", "b"]},
            [[1.0, 2.0], [3.0, 4.0]],
            [{"a": 1.0, "b": 3.0}, {"a": 2.0, "b": 4.0}],
        ),
        ("empty_frame", pd.DataFrame({"a": []}), _columns("a"), {"frame": ["a"]}, [[]], []),
        (
            "other_labels",
            pd.DataFrame({0: [1.0], 1: [2.0]}),
            _columns("a", "b"),
            {"frame": [0, 1]},
            [[1.0], [2.0]],
            [{0: 1.0, 1: 2.0}],
        ),
        (
            "series",
            pd.Series([1.0, 2.0], name="a"),
            _columns("a"),
            {"series": "a"},
            [[1.0, 2.0]],
            [{"a": 1.0}, {"a": 2.0}],
        ),
        ("nameless_series", pd.Series([1.0]), _columns(None), {"series": 0}, [[1.0]], [{0: 1.0}]),
        ("rows", [{"a": 1.0}], _columns("a"), {"frame": ["a"]}, [[1.0]], [{"a": 1.0}]),
        ("list", [1.0, 2.0], _columns(None), "list", [[1.0, 2.0]], [1.0, 2.0]),
        ("array", np.array([1.0, 2.0]), _TENSOR, "list", [[1.0, 2.0]], [1.0, 2.0]),
        ("matrix", np.eye(2), _columns("a", "b"), "matrix", [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]),
        ("tuple", ([1.0], [2.0]), _columns("a", "b"), "tuple", [[1.0], [2.0]], [[1.0], [2.0]]),
        ("value", 3.0, _columns(None), "value", [[3.0]], 3.0),
        (
            "dict",
            {"a": np.array([1.0]), "b": 2.0},
            _columns("a", "b"),
            {"dict": {"a": "rows", "b": "value"}},
            [[1.0], [2.0]],
            {"a": [1.0], "b": 2.0},
        ),
        (
            "dates_in_a_dict",
            {"a": np.array(["1970-01-01T00:00:01.5"], "datetime64[ns]")},
            _columns("a"),
            {"dict": {"a": "times"}},
            [["1970-01-01T00:00:01.500000000"]],
            {"a": [1_500_000_000]},
        ),
    )
    def test_there_and_back(self, result: Any, fields: Any, form: Any, rows: list[list[Any]], written: Any) -> None:
        self.assertEqual(json.loads(forms.describe(result, fields)), form)
        self.assertEqual(forms.rebuild(form, list(zip(fields, rows, strict=True))), written)

    def test_a_document_of_one_column(self) -> None:
        (field,) = schema.build(Signature(({"type": "any"},), ({"type": "any"},), None)).outputs
        form = json.loads(forms.describe({"a": 1, "b": [2]}, [field]))
        self.assertEqual(forms.rebuild(form, [(field, [{"a": 1, "b": [2]}])]), {"a": 1, "b": [2]})

    @parameterized.parameters(
        (_columns("a", "b"), {"frame": ["a", "b"]}),
        (_columns(None, None), {"frame": [0, 1]}),
        (_columns(None), "list"),
        (_TENSOR, "list"),
    )
    def test_where_the_model_does_not_tell(self, fields: Any, form: Any) -> None:
        self.assertEqual(forms.of_signature(fields), form)

    def test_a_document_where_the_model_does_not_tell(self) -> None:
        for fields, written in ((_columns("a", "b"), {"a": 1, "b": [2]}), (_columns(None), 1)):
            form = forms.of_document(fields)
            self.assertEqual(forms.rebuild(form, list(zip(fields, [[1], [[2]]], strict=False))), written)


if __name__ == "__main__":
    absltest.main()
