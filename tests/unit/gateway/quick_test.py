"""What is parsed quickly is what MLflow's own server would ask the model; hypothesis looks for a body that differs."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from absl.testing import absltest, parameterized
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlflow_backend.client.interface import Interface
from mlflow_backend_utils.gateway import exact, quick
from mlflow_backend_utils.gateway.errors import ModelRaisedError
from tests.unit.client.interfaces import column, interface, tensor

_SETTINGS = settings(deadline=None, max_examples=300, database=None, suppress_health_check=list(HealthCheck))
_KINDS = ("boolean", "integer", "long", "float", "double", "string")
_EDGES = [
    0,
    -1,
    2**31 - 1,
    2**31,
    -(2**31),
    2**53,
    2**53 + 1,
    2**63 - 1,
    -(2**63),
    2**63,
    2**64,
    1e300,
    -0.0,
    0.1,
    1e39,
]
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32, allow_nan=False) | st.integers(-(2**24), 2**24),
    "double": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53),
    "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
}
_ANYTHING = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.sampled_from(_EDGES) | st.text(max_size=3)
_TENSORS = ("bool", "int8", "int32", "int64", "uint8", "float32", "float64")


def asked(body: bytes, model: Interface) -> dict[str, np.ndarray] | None:
    """The tensors that MLflow's own code sends; None: it refuses the body."""
    seen: list[dict[str, np.ndarray]] = []

    def ask(tensors: Any, params: Any) -> Any:
        seen.append(dict(tensors))
        raise ModelRaisedError("enough")

    exact.invocations(body, "application/json", model, ask)
    return seen[0] if seen else None


@st.composite
def _columns(draw: st.DrawFn) -> tuple[list[dict[str, Any]], bytes]:
    names = draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, unique=True))
    kinds = [draw(st.sampled_from(_KINDS)) for _ in names]
    rows = draw(st.integers(1, 3))
    # Mostly what fits, and now and then anything.
    odd = draw(st.integers(0, 3)) == 0
    cells = [
        draw(st.lists(_VALUES[kind] | _ANYTHING if odd else _VALUES[kind], min_size=rows, max_size=rows))
        for kind in kinds
    ]
    form = draw(st.sampled_from(["dataframe_split", "dataframe_records", "instances", "inputs"]))
    given_rows = [list(row) for row in zip(*cells, strict=True)]
    if form == "dataframe_split":
        data: Any = {"columns": names, "data": given_rows}
    elif form == "inputs" and draw(st.booleans()):
        data = dict(zip(names, cells, strict=True))
    else:
        data = [dict(zip(names, row, strict=True)) for row in given_rows]
    specs = [column(kind, name, required=True) for name, kind in zip(names, kinds, strict=True)]
    return specs, json.dumps({form: data}).encode()


@st.composite
def _tensor(draw: st.DrawFn) -> tuple[list[dict[str, Any]], bytes]:
    dtype = draw(st.sampled_from(_TENSORS))
    named = draw(st.booleans())
    value = (
        st.booleans()
        if dtype == "bool"
        else st.integers(0, 100) | st.floats(0, 9)
        if dtype[0] == "f"
        else st.integers(-300, 300)
    )
    row = st.lists(value | st.sampled_from(_EDGES), min_size=2, max_size=2)
    data: Any = draw(st.lists(row, min_size=1, max_size=3))
    if named:
        data = {"x": data}
    return [tensor(dtype, -1, 2, name="x" if named else None)], json.dumps(
        {draw(st.sampled_from(["inputs", "instances"])): data}
    ).encode()


class QuickTest(parameterized.TestCase):
    def _check(self, specs: list[dict[str, Any]], body: bytes) -> bool:
        model = interface(*specs)
        found = quick.parse(body, model)
        if found is None:
            return False
        wanted = asked(body, model)
        self.assertIsNotNone(wanted, f"MLflow refuses {body!r}")
        assert wanted is not None
        self.assertEqual(found.keys(), wanted.keys())
        for name, array in found.items():
            self.assertEqual(array.dtype, wanted[name].dtype, body)
            self.assertEqual(array.shape, wanted[name].shape, body)
            self.assertEqual(array.tolist(), wanted[name].tolist(), body)
        return True

    @_SETTINGS
    @given(_columns())
    def test_columns(self, case: tuple[list[dict[str, Any]], bytes]) -> None:
        self._check(*case)

    @_SETTINGS
    @given(_tensor())
    def test_tensors(self, case: tuple[list[dict[str, Any]], bytes]) -> None:
        self._check(*case)

    @parameterized.parameters(
        ('{"dataframe_split": {"columns": ["a", "b"], "data": [[1, "x"], [2.5, "y"]]}}', True),
        ('{"dataframe_split": {"columns": ["b", "a"], "data": [["x", 1]], "index": [7]}}', True),
        ('{"dataframe_records": [{"a": 1, "b": "x"}]}', True),
        ('{"instances": [{"a": 1, "b": "x"}]}', True),
        ('{"inputs": {"a": [1], "b": ["x"]}}', True),
        ('{"inputs": {"a": [1], "b": ["x"]}, "params": {}}', False),
        ('{"inputs": {"a": [NaN], "b": ["x"]}}', False),
        ('{"inputs": {"a": [null], "b": ["x"]}}', False),
        ('{"inputs": {"a": ["1"], "b": ["x"]}}', False),
        ('{"inputs": {"a": [1], "b": ["x"], "c": [1]}}', False),
        ('{"inputs": {"a": [1, 2], "b": ["x"]}}', False),
        ('{"dataframe_records": [{"a": 1, "b": "x"}, {"a": 1}]}', False),
        ('{"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}', False),
        ("[1]", False),
        ("{", False),
    )
    def test_what_is_quick(self, body: str, is_quick: bool) -> None:
        specs = [{"name": "a", "type": "double", "required": True}, {"name": "b", "type": "string", "required": True}]
        self.assertEqual(self._check(specs, body.encode()), is_quick)


if __name__ == "__main__":
    absltest.main()
