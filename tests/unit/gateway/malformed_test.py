"""Whatever the body says, it is read or refused: nothing else happens; hypothesis looks for a body that does more."""

from __future__ import annotations

import json
from typing import Any

from absl.testing import absltest, parameterized
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlflow_backend_utils.gateway import events, exact, quick
from mlflow_backend_utils.gateway.errors import GatewayError
from tests.unit.client.interfaces import column, interface, tensor

_SETTINGS = settings(deadline=None, max_examples=200, database=None, suppress_health_check=list(HealthCheck))
_JSON = "application/json"


_COLUMNS = interface(column("double", "x"), column("string", "y", required=False))
_INTERFACES = {
    "columns": _COLUMNS,
    "column": interface(column("string")),
    "any": interface(column("any")),
    "kinds": interface(*(column(kind, kind) for kind in ("datetime", "binary", "boolean", "long"))),
    "nested": interface(
        column("object", "a", properties={"b": {"type": "long"}}), column("array", "b", items={"type": "double"})
    ),
    "tensor": interface(tensor("float32", -1, 2)),
}

_NAMES = st.sampled_from(["x", "y", "a", "b", "datetime", "binary", "long", "messages", "columns", "data", "index"])
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES | st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
_RECORDS = st.lists(st.dictionaries(_NAMES, _VALUES, max_size=4), max_size=3)
_SPLIT = st.fixed_dictionaries(
    {"columns": st.lists(_NAMES | _VALUES, max_size=4), "data": st.lists(st.lists(_VALUES, max_size=4), max_size=3)},
    optional={"index": _VALUES},
)
_PARAMS = {"params": _VALUES}
_BODIES = st.one_of(
    st.fixed_dictionaries({"dataframe_split": _SPLIT | _VALUES}, optional=_PARAMS),
    st.fixed_dictionaries({"dataframe_records": _RECORDS | _VALUES}, optional=_PARAMS),
    st.fixed_dictionaries({"instances": _RECORDS | _VALUES}, optional=_PARAMS),
    st.fixed_dictionaries({"inputs": _VALUES}, optional=_PARAMS),
    st.dictionaries(_NAMES, _VALUES, max_size=5),
    _VALUES,
)


def _away(_tensors: Any, _params: Any) -> Any:
    raise GatewayError("the server is away", 503, "TEMPORARILY_UNAVAILABLE")


class MalformedTest(parameterized.TestCase):
    @parameterized.parameters(*_INTERFACES)
    def test_read_or_refused(self, name: str) -> None:
        model = _INTERFACES[name]

        @_SETTINGS
        @given(_BODIES)
        def check(document: Any) -> None:
            body = json.dumps(document).encode()
            quick.parse(body, model)
            for read in (
                lambda: events.read(body, model),
                lambda: exact.invocations(body, _JSON, model, _away),
            ):
                try:
                    read()
                except GatewayError as error:
                    self.assertIn(error.status, (400, 503))

        check()

    def test_columns_that_are_no_names(self) -> None:
        body = json.dumps({"dataframe_split": {"columns": [{}], "data": [[{}], [], []]}}).encode()
        with self.assertRaisesRegex(GatewayError, "columns, a list of names"):
            events.read(body, _COLUMNS)
        # So does MLflow's server.
        self.assertEqual(exact.invocations(body, _JSON, _COLUMNS, _away), exact.BROKEN)


if __name__ == "__main__":
    absltest.main()
