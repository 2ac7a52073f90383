"""Spec 8.4, line 45: what requests to other models carry."""

import json
from typing import Any

import numpy as np
import tritonclient.http as httpclient
from absl.testing import absltest, parameterized

from tests.conformance import bls, harness
from tests.conformance.bls import plan
from tests.conformance.repository import Model


class BlsAttributesTest(bls.BlsTest):
    MODELS = [Model("bls"), bls.TARGET, Model("attributes")]

    def _seen(self, mode: str = "exec", **options: Any) -> dict[str, Any]:
        call = {"model": "attributes", "inputs": [["IN", "int32", [1], [1]]], "options": options}
        (answer,) = self.call(call, mode=mode)
        self.assertIsNone(answer["error"])
        return dict(json.loads(answer["outputs"]["RESULT"][2][0]))

    @parameterized.parameters(
        ("id", {"request_id": "an id"}, "an id"),
        ("correlation_id", {"correlation_id": 2**40}, 2**40),
        ("correlation_id", {}, 0),
        ("flags", {"flags": 3}, 3),
        ("parameters", {}, "{}"),
    )
    def test_line_45_attributes(self, key: str, options: dict[str, Any], wanted: Any) -> None:
        self.assertEqual(self._seen(**options)[key], wanted)

    @harness.needs_release("23.12", "the request's timeout reaches the model")
    def test_line_45_timeout(self) -> None:
        self.assertEqual(self._seen(timeout=5_000_000)["timeout"], 5_000_000)

    @harness.needs_release("23.11", "parameters of requests to other models")
    def test_line_45_parameters(self) -> None:
        given = {"text": 'grüße "x" \\', "number": -5, "yes": True, "no": False, "empty": ""}
        seen = json.loads(self._seen(parameters=given)["parameters"])
        self.assertEqual(seen, given)
        self.assertIs(seen["yes"], True)

    def test_line_45_correlation_text(self) -> None:
        if harness.release() >= "24.04":
            self.assertEqual(self._seen(correlation_id="grüße")["correlation_id"], "grüße")
        else:
            self.skip_if_shipped("text_correlation_id")
            call = {"model": "attributes", "options": {"correlation_id": "text"}}
            self.assertEqual(self.call_error(call), "A correlation ID that is a string needs Triton 24.04 or newer.")

    def test_line_45_preferred_memory(self) -> None:
        self.assertEqual(self.call(plan(), mode="memory"), [[True]])

    @parameterized.parameters(
        ("input", "Input tensor for request with id 'i' and model name 'm' should not be empty."),
        ("correlation_id", "Correlation ID must be integer or string"),
        ("key", "Expect parameters keys to have type str, found type <class 'int'>"),
        ("value", "Expect parameters values to have type bool/int/str, found type <class 'list'>"),
    )
    def test_line_45_wrong_arguments(self, what: str, text: str) -> None:
        if what == "correlation_id":
            self.skip_if_shipped("text_correlation_id", before="24.04")
        if what in ("key", "value"):
            self.skip_if_shipped("parameters", before="23.11")
        self.assertEqual(self.ask("bls", "wrong", what=what), ["TritonModelException", text])

    @parameterized.parameters("model", "number", "output")
    def test_line_45_wrong_types(self, what: str) -> None:
        kind, text = self.ask("bls", "wrong", what=what)
        if kind == "TritonModelException":
            wanted = "Requested output name for request with id 'i' and model name 'm' should not be empty."
            self.assertEqual((what, text), ("output", wanted))
        else:
            self.assertEqual(kind, "TypeError")


@harness.needs_release("24.03", "the trace's context reaches the model")
class TraceTest(bls.BlsTest):
    MODELS = [Model("bls"), Model("attributes")]
    SERVER_ARGS = [
        "--trace-config=mode=opentelemetry",
        "--trace-config=rate=1",
        "--trace-config=level=TIMESTAMPS",
        "--trace-config=opentelemetry,url=127.0.0.1:9/v1/traces",
    ]

    def test_line_45_trace(self) -> None:
        """A request's trace goes on in the requests that are made with it, and only in these."""
        trace = "0af7651916cd43dd8448eb211c80319c"
        call = {"model": "attributes", "inputs": [["IN", "int32", [1], [1]]]}
        for mode, wanted in (("traced", f"^00-{trace}-[0-9a-f]{{16}}-01$"), ("exec", "^None$")):
            with httpclient.InferenceServerClient(self.server.http_url) as client:
                one = httpclient.InferInput("IN", [1], "INT32")
                one.set_data_from_numpy(np.zeros(1, np.int32))
                answer = client.infer(
                    "bls",
                    [one],
                    headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"},
                    parameters={"mode": mode, "calls": json.dumps([call])},
                )
            (seen,) = json.loads(answer.as_numpy("RESULT")[0])
            context = bls.result(seen)["trace"]
            self.assertRegex(str(context and json.loads(context)["traceparent"]), wanted)


if __name__ == "__main__":
    absltest.main()
