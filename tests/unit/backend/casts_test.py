"""Numbers of another type than the signature's: cast as MLflow's own scoring server does, or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
from absl.testing import absltest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.models.utils import _enforce_schema
from mlflow.types.schema import ColSpec, Schema
from mlflow.utils.proto_json_utils import dataframe_from_parsed_json

from mlflow_backend import metadata, requests, schema
from mlflow_backend.errors import BackendError

_SETTINGS = settings(deadline=None, max_examples=400, database=None, suppress_health_check=list(HealthCheck))
_KINDS = ("boolean", "integer", "long", "float", "double")
_EDGES = [0, 1, -1, 2**24 + 1, 2**31 - 1, 2**31, -(2**31), 2**53, 2**53 + 1, 2**63 - 1, -(2**63)]
# What a client makes of numbers that it knows no better type for, as JSON does.
_SENT: dict[str, tuple[st.SearchStrategy[Any], type]] = {
    "booleans": (st.booleans(), np.bool_),
    "integers": (st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3) | st.sampled_from(_EDGES), np.int64),
    "floats": (
        st.floats(allow_nan=False, allow_infinity=False)
        | st.integers(-(2**70), 2**70).map(float)
        | st.sampled_from([0.5, 1.0, 2.0**53, 2.0**63, -0.0, 1e39, 0.1]),
        np.float64,
    ),
}


@st.composite
def _case(draw: st.DrawFn) -> tuple[str, list[Any], type]:
    values, dtype = draw(st.sampled_from(list(_SENT.values())))
    return draw(st.sampled_from(_KINDS)), draw(st.lists(values, min_size=1, max_size=4)), dtype


def _of_mlflow(kind: str, values: list[Any]) -> Any:
    """What a model gets from `mlflow models serve` for these values in JSON; None if it refuses them."""
    signature = Schema([ColSpec(kind, "x")])
    sent = {"columns": ["x"], "data": [[value] for value in values]}
    try:
        with np.errstate(all="ignore"):
            frame = dataframe_from_parsed_json(sent, "split", signature)
            return _enforce_schema(frame, signature)["x"].to_numpy()
    except (MlflowException, OverflowError, ValueError, TypeError):
        return None


def _of_backend(kind: str, values: list[Any], dtype: type) -> Any:
    """What it gets through Triton; None if it is refused."""
    inputs = ({"name": "x", "type": kind, "required": True},)
    model_schema = schema.build(metadata.Signature(inputs=inputs, outputs=None, params=None))
    try:
        return requests.decode({"x": np.array(values, dtype)}, {}, model_schema).inputs["x"]
    except BackendError:
        return None


class CastsTest(absltest.TestCase):
    @_SETTINGS
    @given(_case())
    def test_as_mlflow_or_refused(self, case: tuple[str, list[Any], type]) -> None:
        """What is accepted is what MLflow makes of it; what is refused, MLflow refuses, or changes beyond rounding."""
        kind, values, dtype = case
        wanted, got = _of_mlflow(kind, values), _of_backend(kind, values, dtype)
        if got is not None:
            self.assertIsNotNone(wanted, "MLflow refuses it")
            self.assertEqual(got.dtype, wanted.dtype)
            self.assertEqual(got.tobytes(), wanted.tobytes())
        elif wanted is not None:
            self.assertNotEqual([_exactly(one) for one in wanted.tolist()], [_exactly(one) for one in values])

    def test_the_property_is_about_something(self) -> None:
        """Casts that both make, and changes that MLflow makes without a word."""
        self.assertEqual(_of_backend("double", [3], np.int64).tolist(), [3.0])
        self.assertEqual(_of_mlflow("double", [3]).tolist(), [3.0])
        self.assertIsNone(_of_backend("long", [0.5], np.float64))
        self.assertEqual(_of_mlflow("long", [0.5]).tolist(), [0])
        self.assertEqual(_of_mlflow("long", [True]).tolist(), [1])
        self.assertIsNone(_of_backend("long", [True], np.bool_))


def _exactly(value: Any) -> tuple[str, Any]:
    """A value with its kind: True is 1 to Python."""
    return ("boolean" if isinstance(value, bool) else "number", value)


if __name__ == "__main__":
    absltest.main()
