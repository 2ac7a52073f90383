"""Answers put together from tensors are, byte for byte, what MLflow writes of the model's own."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pandas as pd
from absl.testing import absltest, parameterized
from mlflow.models import infer_signature
from mlflow.pyfunc.scoring_server import predictions_to_json

from mlflow_backend import answers, forms, schema
from mlflow_backend.client.interface import Interface
from mlflow_backend_utils.gateway import replies
from tests.unit.client import interfaces

_TIMES = pd.to_datetime(["2024-02-29T12:00:00.123456789", "1969-12-31T23:59:59.5"], format="ISO8601").as_unit("ns")
_RESULTS: dict[str, Any] = {
    "frame": pd.DataFrame({"a": [1, 2], "b": ["x", "é"], "c": [0.1, float("nan")], "d": [True, False]}),
    "frame_of_times": pd.DataFrame({"t": _TIMES}),
    "frame_of_bytes": pd.DataFrame({"b": [b"a\x00", b""]}),
    "frame_of_float32": pd.DataFrame({"f": np.array([0.1, 1e30], np.float32)}),
    "series_without_name": pd.Series([1.5, 2.5]),
    "series": pd.Series(["a", "b"], name="s"),
    "array": np.array([[1, 2], [3, 4]]),
    "array_of_one_axis": np.array([0.1, 0.2]),
    "list_of_texts": ["a", "b"],
    "list_of_dicts": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
    "dict_of_lists": {"a": [1, 2], "b": ["x", "y"]},
    "dict_of_arrays": {"a": np.array([1, 2]), "b": np.array([0.5, 1.5])},
    "dict_of_times": {"t": _TIMES.to_numpy(), "x": np.array([1, 2])},
}


class RepliesTest(parameterized.TestCase):
    def _through_tensors(self, result: Any, batched: bool, told: bool) -> bytes:
        if isinstance(result, dict) and "t" in result:
            # MLflow infers a tensor of dates, which Triton does not have.
            outputs: Any = [{"type": "datetime", "name": "t"}, {"type": "long", "name": "x"}]
        else:
            outputs = json.loads(infer_signature(np.zeros(2), result).outputs.to_json())
        config = interfaces.config([interfaces.tensor("float64", -1)], outputs, batched=batched)
        config["parameters"]["answer_form"] = {"string_value": "true"}
        interface = Interface.from_config(config)
        tensors = answers.encode(result, interface.schema.outputs, batched, ())
        if told:
            form = forms.describe(result, interface.schema.outputs).encode()
            tensors[schema.ANSWER_FORM.name] = np.array([[form]], object)
        return replies.predictions(tensors, interface)

    @parameterized.product(name=list(_RESULTS), batched=[True, False])
    def test_as_mlflow(self, name: str, batched: bool) -> None:
        out = io.StringIO()
        predictions_to_json(_RESULTS[name], out)
        self.assertEqual(self._through_tensors(_RESULTS[name], batched, told=True).decode(), out.getvalue())

    @parameterized.parameters("frame", "array", "list_of_texts", "list_of_dicts", "dict_of_arrays")
    def test_what_is_most_likely_where_the_form_is_not_told(self, name: str) -> None:
        out = io.StringIO()
        predictions_to_json(_RESULTS[name], out)
        self.assertEqual(self._through_tensors(_RESULTS[name], True, told=False).decode(), out.getvalue())


if __name__ == "__main__":
    absltest.main()
