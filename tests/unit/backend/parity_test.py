"""What a model sees through Triton's tensors is what it sees through `pyfunc.predict` on a DataFrame a user wrote."""

from __future__ import annotations

import base64
import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from absl.testing import absltest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow.models import ModelSignature
from mlflow.types.schema import Array, ColSpec, Map, Object, ParamSchema, ParamSpec, Property, Schema, TensorSpec

from mlflow_backend import metadata, requests, schema
from mlflow_backend.adapters import pyfunc
from tests.unit.backend import models

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_TIMES = st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1))

# Column type: values, what the user's column holds, Triton's array.
_PLAIN: dict[str, tuple[st.SearchStrategy[Any], type]] = {
    "boolean": (st.booleans(), np.bool_),
    "integer": (st.integers(-(2**31), 2**31 - 1), np.int32),
    "long": (st.integers(-(2**63), 2**63 - 1), np.int64),
    "float": (st.floats(width=32), np.float32),
    "double": (st.floats(), np.float64),
}
_NESTED: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (Array("string"), st.lists(_TEXT, max_size=3)),
    (Array("long"), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3)),
    (
        Array(Array("double")),
        st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3), max_size=3),
    ),
    (Map("boolean"), st.dictionaries(_TEXT, st.booleans(), max_size=3)),
    (
        Object([Property("a", "string"), Property("b", "double", required=False)]),
        st.fixed_dictionaries({"a": _TEXT}, optional={"b": st.floats(allow_nan=False, allow_infinity=False)}),
    ),
]
_SETTINGS = settings(deadline=None, max_examples=60, database=None, suppress_health_check=list(HealthCheck))


@st.composite
def _column(draw: st.DrawFn, rows: int) -> tuple[Any, Any, Any]:
    """A column's type, the user's values for it, and Triton's tensor."""
    kind = draw(st.sampled_from([*_PLAIN, "string", "binary", "datetime", "nested"]))
    if kind in _PLAIN:
        values, dtype = _PLAIN[kind]
        column = np.array(draw(st.lists(values, min_size=rows, max_size=rows)), dtype)
        return kind, column, column
    if kind == "string":
        written = draw(st.lists(_TEXT, min_size=rows, max_size=rows))
        return kind, written, models.texts(*written)
    if kind == "binary":
        written = draw(st.lists(st.binary(max_size=5), min_size=rows, max_size=rows))
        return kind, pd.Series(written, dtype=object), models.texts(*written)
    if kind == "datetime":
        times = draw(st.lists(_TIMES, min_size=rows, max_size=rows))
        return kind, np.array(times, "datetime64[ns]"), models.texts(*(time.isoformat() for time in times))
    nested, values = draw(st.sampled_from(_NESTED))
    written = draw(st.lists(values, min_size=rows, max_size=rows))
    return nested, pd.Series(written, dtype=object), models.texts(*(json.dumps(value) for value in written))


@st.composite
def _columns(draw: st.DrawFn) -> list[tuple[str, Any, Any, Any]]:
    rows = draw(st.integers(1, 4))
    names = draw(st.lists(_TEXT.filter(bool), min_size=1, max_size=4, unique=True))
    return [(name, *draw(_column(rows))) for name in names]


class ParityTest(absltest.TestCase):
    def _adapter(self, inputs: list[Any], function: Any) -> tuple[pyfunc.Adapter, schema.ModelSchema]:
        folder = Path(self.create_tempdir().full_path) / "model"
        models.save(folder, function, ModelSignature(Schema(inputs), Schema([ColSpec("string")])))
        model = metadata.read(folder)
        model_schema = schema.build(model.signature)
        return pyfunc.Adapter(model, model_schema), model_schema

    @_SETTINGS
    @given(_columns())
    def test_columns(self, columns: list[tuple[str, Any, Any, Any]]) -> None:
        adapter, model_schema = self._adapter(
            [ColSpec(kind, name) for name, kind, _, _ in columns], lambda frame, params: frame
        )
        request = requests.decode({name: tensor for name, _, _, tensor in columns}, {}, model_schema)
        written = pd.DataFrame({name: values for name, _, values, _ in columns})
        pd.testing.assert_frame_equal(adapter.predict(request), adapter._model.predict(written))

    @_SETTINGS
    @given(_columns())
    def test_stacked_requests_are_the_rows_of_one_frame(self, columns: list[tuple[str, Any, Any, Any]]) -> None:
        adapter, model_schema = self._adapter(
            [ColSpec(kind, name) for name, kind, _, _ in columns], lambda frame, params: frame
        )
        whole = requests.decode({name: tensor for name, _, _, tensor in columns}, {}, model_schema)
        parts = [
            requests.decode({name: tensor[row : row + 1] for name, _, _, tensor in columns}, {}, model_schema)
            for row in range(whole.rows)
        ]
        self.assertLen({part.batch_key() for part in parts}, 1)
        pd.testing.assert_frame_equal(adapter.predict(requests.stack(parts)), adapter.predict(whole))

    @_SETTINGS
    @given(
        st.sampled_from(["bool", "int8", "uint16", "int64", "float16", "float32", "float64"]),
        st.lists(st.integers(0, 3), min_size=0, max_size=2),
        st.integers(1, 3),
    )
    def test_tensors(self, dtype: str, row_shape: list[int], rows: int) -> None:
        spec = TensorSpec(np.dtype(dtype), (-1, *row_shape))
        adapter, model_schema = self._adapter([spec], lambda array, params: array)
        tensor = np.arange(rows * int(np.prod(row_shape))).reshape(rows, *row_shape).astype(dtype)
        answer = adapter.predict(requests.decode({"input-0": tensor}, {}, model_schema))
        np.testing.assert_array_equal(answer, adapter._model.predict(tensor))
        self.assertEqual(answer.dtype, tensor.dtype)

    def test_what_a_model_does_to_its_frame_is_forgotten(self) -> None:
        def spoil(frame: pd.DataFrame, params: Any) -> list[str]:
            seen = str((frame.columns.name, list(frame.columns), frame.to_numpy().tolist()))
            frame.columns.name = "spoilt"
            frame["c"] = 0
            frame.iloc[:, :] = 7
            return [seen]

        adapter, model_schema = self._adapter([ColSpec("double", "a"), ColSpec("double", "b")], spoil)
        for _ in range(2):
            request = requests.decode({"a": np.ones(1), "b": np.zeros(1)}, {}, model_schema)
            self.assertEqual(adapter.predict(request), ["(None, ['a', 'b'], [[1.0, 0.0]])"])

    def test_params_are_checked_where_inputs_need_not_be(self) -> None:
        folder = Path(self.create_tempdir().full_path) / "model"
        signature = ModelSignature(
            Schema([ColSpec("double", "x")]),
            Schema([ColSpec("string")]),
            ParamSchema([ParamSpec("k", "long", 3)]),
        )
        models.save(folder, lambda frame, params: [str(params)], signature)
        model = metadata.read(folder)
        model_schema = schema.build(model.signature)
        adapter = pyfunc.Adapter(model, model_schema)
        for parameters, wanted in (({}, "{'k': 3}"), ({"k": 4}, "{'k': 4}")):
            request = requests.decode({"x": np.ones(1)}, parameters, model_schema)
            self.assertEqual(adapter.predict(request), [wanted])
        with self.assertRaisesRegex(Exception, "Can not safely convert"):
            adapter.predict(requests.decode({"x": np.ones(1)}, {"k": '"text"'}, model_schema))

    def test_base64_is_the_same_as_bytes(self) -> None:
        adapter, model_schema = self._adapter([ColSpec("binary", "b")], lambda frame, params: frame)
        text = base64.b64encode(b"\x00\xff")
        request = requests.decode({"b": models.texts(text)}, {"content_type": "base64"}, model_schema)
        pd.testing.assert_frame_equal(
            adapter.predict(request), adapter._model.predict(pd.DataFrame({"b": [b"\x00\xff"]}))
        )


if __name__ == "__main__":
    absltest.main()
