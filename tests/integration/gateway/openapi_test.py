"""What schemathesis makes of the gateway's OpenAPI document: thousands of requests, right and wrong.

Every answer has a status and a form that the document names, none tells of a fault of the server, and afterwards all is
as before.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import hypothesis
import schemathesis
from absl.testing import absltest, parameterized
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.pyfunc import scoring_server
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.integration.gateway import running

_MODEL = "frame_mixed"
_EXAMPLES = 400
_CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
# Their bodies are MLflow's: a line feed, or a version without quotation marks, called JSON.
_NO_JSON = ("/ping", "/health", "/version")
_OPERATIONS = (
    ("/invocations", "POST"),
    ("/models/{name}/invocations", "POST"),
    ("/models/{name}/versions/{version}/invocations", "POST"),
    ("/ping", "GET"),
    ("/health", "GET"),
    ("/version", "GET"),
    ("/metrics", "GET"),
)


class OpenApiTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.scratch = Path(os.environ["TEST_TMPDIR"])
        models = running.repository(cls.scratch / "models", [_MODEL])
        cls.server = cls.enterClassContext(running.triton(models))  # type: ignore[attr-defined]
        cls.port, cls.pid = cls.enterClassContext(  # type: ignore[attr-defined]
            running.gateway(cls.server.grpc_url, cls.scratch, http_url=cls.server.http_url)
        )
        cls.url = f"http://127.0.0.1:{cls.port}"
        cls.schema = schemathesis.openapi.from_url(cls.url + "/openapi.json")
        cls.model = Model.load(str(cls.scratch / "models" / _MODEL / "1"))
        cls.example = (cls.scratch / "models" / _MODEL / "1" / "serving_input_example.json").read_bytes()

    def _good(self) -> bytes:
        answer = running.ask(self.port, "/invocations", self.example, "application/json")
        self.assertEqual(answer.status, 200)
        return answer.body

    def setUp(self) -> None:
        super().setUp()
        self.before = self._good()

    def tearDown(self) -> None:
        self.assertEqual(self._good(), self.before)
        super().tearDown()

    def _breaks_mlflow(self, body: bytes) -> bool:
        """Whether MLflow's own parser has no words for what is wrong with a body."""
        try:
            scoring_server._parse_json_data(body.decode(), self.model, self.model.get_input_schema())
        except MlflowException:
            return False
        except Exception:
            return True
        return False

    def _each(self, cases: st.SearchStrategy[schemathesis.Case]) -> Callable[[], None]:
        @hypothesis.settings(
            max_examples=_EXAMPLES,
            deadline=None,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=[hypothesis.Phase.generate],
        )
        @hypothesis.given(case=cases)
        def check(case: schemathesis.Case) -> None:
            # The names that hypothesis thinks of are no models; some should be.
            if case.path_parameters and len(case.path_parameters["name"]) % 2:
                case.path_parameters["name"] = _MODEL
            checks = [
                check for check in _CHECKS if case.path not in _NO_JSON or check is not response_schema_conformance
            ]
            answer = case.call(base_url=self.url)
            if (answer.status_code, answer.content) == (500, b"Internal Server Error"):
                # As MLflow's server does.
                assert self._breaks_mlflow(answer.request.body), answer.request.body
                checks.remove(not_a_server_error)
            case.validate_response(answer, checks=checks)

        return check

    @parameterized.parameters(*_OPERATIONS)
    def test_what_fits(self, path: str, method: str) -> None:
        self._each(self.schema[path][method].as_strategy())()

    @parameterized.parameters(*(operation for operation in _OPERATIONS if operation[1] == "POST"))
    def test_what_does_not_fit(self, path: str, method: str) -> None:
        negative = schemathesis.GenerationMode.NEGATIVE
        self._each(self.schema[path][method].as_strategy(generation_mode=negative))()

    def test_every_operation_is_asked(self) -> None:
        document = json.loads(running.ask_get(self.port, "/openapi.json").body)
        found = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
        self.assertEqual(found, set(_OPERATIONS))


if __name__ == "__main__":
    absltest.main()
