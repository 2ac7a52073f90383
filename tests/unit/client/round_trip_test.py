"""What a client sends is what the backend's own decoding gives the model, and the other way round, for every type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from absl.testing import absltest, parameterized
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlflow_backend import answers, requests, schema
from mlflow_backend.client import values
from tests.unit.client.interfaces import column, interface, tensor

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_DOUBLES = st.floats(width=64)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _TEXT,
    lambda x: st.lists(x, max_size=3) | st.dictionaries(_TEXT, x, max_size=3),
    max_leaves=5,
)
_TIMES = st.datetimes(
    min_value=pd.Timestamp.min.ceil("s").to_pydatetime(), max_value=pd.Timestamp.max.floor("s").to_pydatetime()
)

_COLUMNS: dict[str, tuple[dict[str, Any], st.SearchStrategy[Any]]] = {
    "boolean": ({}, st.booleans()),
    "integer": ({}, st.integers(-(2**31), 2**31 - 1)),
    "long": ({}, st.integers(-(2**63), 2**63 - 1)),
    "float": ({}, st.floats(width=32)),
    "double": ({}, _DOUBLES),
    "string": ({}, _TEXT),
    "binary": ({}, st.binary(max_size=8)),
    "datetime": ({}, _TIMES | st.just(pd.NaT)),
    "array": ({"items": {"type": "double"}}, st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=4)),
    "object": (
        {"properties": {"a": {"type": "long"}, "b": {"type": "string", "required": False}}},
        st.fixed_dictionaries({"a": st.integers(-(2**53), 2**53)}, optional={"b": _TEXT}),
    ),
    "map": ({"values": {"type": "string"}}, st.dictionaries(_TEXT, _TEXT, max_size=3)),
    "any": ({}, _JSON),
}
_SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=4)


def _frame(kind: str, rows: list[Any]) -> pd.DataFrame:
    if kind == "datetime":
        return pd.DataFrame({"x": pd.Series(rows, dtype="datetime64[ns]")})
    dtype = {"boolean": bool, "integer": np.int32, "long": np.int64, "float": np.float32, "double": np.float64}
    series = np.empty(len(rows), dtype=object)
    series[:] = rows
    return pd.DataFrame({"x": pd.Series(series, dtype=object).astype(dtype.get(kind, object))})


class RoundTripTest(parameterized.TestCase):
    def test_every_type_is_there(self) -> None:
        self.assertEqual(_COLUMNS.keys(), schema.COLUMN_TYPES.keys())

    @parameterized.product(kind=list(_COLUMNS), batched=[True, False])
    def test_column(self, kind: str, batched: bool) -> None:
        spec, strategy = _COLUMNS[kind]
        model = interface(column(kind, "x", **spec), batched=batched)

        @settings(deadline=None, database=None, max_examples=20)
        @given(st.lists(strategy, min_size=1, max_size=5))
        def check(rows: list[Any]) -> None:
            frame = _frame(kind, rows)
            tensors = values.encode(frame, model)
            got = requests.decode(tensors, {}, model.schema).inputs["x"]
            # pandas 3 has a type of its own for texts.
            dtype = object if kind == "string" else frame["x"].dtype
            pd.testing.assert_frame_equal(pd.DataFrame({"x": pd.Series(got, dtype=dtype)}), frame)
            # And back: what the model returns is what the caller gets.
            answer = answers.encode(pd.DataFrame({"x": got}), model.schema.outputs, batched, ())
            pd.testing.assert_frame_equal(values.decode(answer, model).astype(dtype), frame)
            # By name, and in other forms, the same is sent.
            for same in (values.encode_named({"x": frame["x"]}, model), values.encode({"x": frame["x"]}, model)):
                np.testing.assert_array_equal(same["x"], tensors["x"])

        check()

    @parameterized.parameters([[None, ""]], [["a", "b"]], [[None, None]], [[1, None]])
    def test_anything_keeps_its_kind(self, rows: list[Any]) -> None:
        """Texts and missing values are not a column of texts."""
        model = interface(column("any", "x"))
        answer = values.decode(values.encode(_frame("any", rows), model), model)
        self.assertEqual(answer["x"].tolist(), rows)
        self.assertEqual(answer["x"].dtype, object)

    @parameterized.product(dtype=list(schema.TENSOR_TYPES), batched=[True, False])
    def test_tensor(self, dtype: str, batched: bool) -> None:
        model = interface(tensor(dtype, -1, -1, name="x"), batched=batched)
        texts = {
            "str": _TEXT.filter(lambda text: not text.endswith("\0")),
            "object": _TEXT,
            "bytes": st.binary(max_size=5).filter(lambda text: not text.endswith(b"\0")),
        }
        kind = {"str": object, "object": object, "bytes": object}.get(dtype, dtype)

        @settings(deadline=None, database=None, max_examples=20)
        @given(hnp.arrays(kind, _SHAPES, elements=texts.get(dtype)))
        def check(array: Any) -> None:
            tensors = values.encode({"x": array}, model)
            got = requests.decode(tensors, {}, model.schema).inputs["x"]
            self.assertEqual(got.dtype.kind, np.dtype(schema.TENSOR_TYPES[dtype].numpy).kind)
            np.testing.assert_array_equal(got, array)
            answer = answers.encode({"x": got}, model.schema.outputs, batched, ())
            np.testing.assert_array_equal(values.decode(answer, model)["x"], array)

        check()

    @settings(deadline=None, database=None, max_examples=20)
    @given(
        st.fixed_dictionaries(
            {"k": st.integers(-(2**63), 2**63 - 1)},
            optional={
                "t": _TEXT,
                "list": st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=4),
            },
        )
    )
    def test_params(self, params: dict[str, Any]) -> None:
        specs = [column("long", "k"), column("string", "t"), column("double", "list", shape=[-1])]
        for batched in (True, False):
            model = interface(column("double", "x"), params=specs, batched=batched)
            as_tensors = requests.decode(values.encode_named({"x": [1.0, 2.0], **params}, model), {}, model.schema)
            as_text = requests.decode(
                values.encode([1.0, 2.0], model), {"params": values.params_text(params)}, model.schema
            )
            for got in (as_tensors.params, as_text.params):
                plain = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in got.items()}
                self.assertEqual(plain, params)


if __name__ == "__main__":
    absltest.main()
