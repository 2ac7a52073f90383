"""Spec 8.2, line 30, and 8.5, line 55: attributes of requests, and their cancellation."""

import json
import time
from typing import Any, ClassVar

import numpy as np
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from absl.testing import absltest, parameterized

from tests.conformance import differences, harness
from tests.conformance.repository import Model

_TRACE = "0af7651916cd43dd8448eb211c80319c"


class AttributesTest(harness.ServerTest):
    MODELS = [
        Model("attributes", outputs=["RESULT STRING 1", "MORE INT32 1"]),
        Model("attributes", "sequence", max_batch_size=1, config="sequence_batching { direct { } }"),
    ]

    def _seen(self, model: str = "attributes", shape: tuple[int, ...] = (1,), **options: Any) -> dict[str, Any]:
        answer = self.infer(model, {"IN": np.zeros(shape, np.int32)}, **options)
        return dict(json.loads(answer["RESULT"].ravel()[0]))

    def test_line_30_nothing_given(self) -> None:
        seen = self._seen()
        self.assertEqual(
            {key: value for key, value in seen.items() if key != "parameters"},
            {
                "id": "",
                "correlation_id": 0,
                "flags": 0,
                "timeout": 0,
                "outputs": ["RESULT"],
                "inputs": ["IN"],
                "trace": "no context" if differences.applies("trace_context") and harness.release() < "24.03" else None,
                "cancelled": False,
            },
        )

    @parameterized.parameters("1", "an id", "grüße", "x" * 500)
    def test_line_30_request_id(self, text: str) -> None:
        self.assertEqual(self._seen(request_id=text)["id"], text)

    @parameterized.parameters(1, 42, 2**63 - 1)
    def test_line_30_correlation_id(self, correlation_id: int) -> None:
        self._check_correlation_id(correlation_id)

    @parameterized.parameters("text", "grüße", "x" * 100)
    @harness.needs_release("24.04", "correlation ids that are texts reach the model")
    def test_line_30_correlation_text(self, correlation_id: str) -> None:
        self._check_correlation_id(correlation_id)

    def _check_correlation_id(self, correlation_id: int | str) -> None:
        got = self._seen(sequence_id=correlation_id)["correlation_id"]
        self.assertEqual((got, type(got)), (correlation_id, type(correlation_id)))

    @parameterized.parameters((False, False, 0), (True, False, 1), (False, True, 2), (True, True, 3))
    def test_line_30_flags(self, start: bool, end: bool, flags: int) -> None:
        seen = self._seen(sequence_id=5, sequence_start=start, sequence_end=end)
        self.assertEqual(seen["flags"], flags)

    def test_line_30_sequence(self) -> None:
        flags = []
        for step in range(3):
            seen = self._seen("sequence", (1, 1), sequence_id=99, sequence_start=step == 0, sequence_end=step == 2)
            self.assertEqual(seen["correlation_id"], 99)
            flags.append(seen["flags"])
        self.assertEqual(flags, [1, 0, 2])

    @parameterized.parameters(1, 1_000_000, 2**33)
    @harness.needs_release("23.12", "the request's timeout reaches the model")
    def test_line_30_timeout(self, microseconds: int) -> None:
        self.assertEqual(self._seen(timeout=microseconds)["timeout"], microseconds)

    def test_line_30_parameters(self) -> None:
        given = {"text": 'grüße "quoted" \\ \n', "empty": "", "number": -(2**53), "yes": True, "no": False}
        seen = json.loads(self._seen(parameters=given)["parameters"])
        self.assertEqual({key: seen.get(key) for key in given}, given)
        self.assertIs(seen["yes"], True)

    def test_line_30_parameters_over_http(self) -> None:
        given = {"text": "word", "number": 17, "yes": True}
        with httpclient.InferenceServerClient(self.server.http_url) as client:
            one = httpclient.InferInput("IN", [1], "INT32")
            one.set_data_from_numpy(np.zeros(1, np.int32))
            wanted = [httpclient.InferRequestedOutput("RESULT")]
            answer = client.infer("attributes", [one], outputs=wanted, parameters=given, request_id="by http")
        seen = json.loads(answer.as_numpy("RESULT")[0])
        self.assertEqual(seen["id"], "by http")
        parameters = json.loads(seen["parameters"])
        self.assertEqual({key: parameters.get(key) for key in given}, given)

    def test_line_30_no_parameters(self) -> None:
        self.assertIsInstance(json.loads(self._seen()["parameters"]), dict)

    def test_line_30_requested_outputs(self) -> None:
        answer = self.infer("attributes", outputs=[])
        self.assertEqual(json.loads(answer["RESULT"][0])["outputs"], ["MORE", "RESULT"])

    def _cancelled(self) -> list[bool]:
        return list(self.ask("attributes", "cancelled"))

    def test_line_55_cancelled_by_the_client(self) -> None:
        before = len(self._cancelled())
        call = self.client.async_infer(
            "attributes",
            harness.tensors({"IN": np.zeros(1, np.int32)}),
            callback=lambda result, error: None,
            outputs=[grpcclient.InferRequestedOutput("RESULT")],
            parameters={"mode": "wait"},
        )
        time.sleep(0.3)
        start = time.monotonic()
        call.cancel()
        self.assertEqual(self._cancelled()[before:], [True])
        self.assertLess(time.monotonic() - start, 5)

    def test_line_55_request_made_by_the_model(self) -> None:
        """The server does not know such a request; asked about it, it would abort."""
        self.skip_if_shipped("cancellation_of_made_request")
        self.assertIs(self.ask("attributes", "made"), False)


@harness.needs_release("24.03", "the trace's context reaches the model")
class TraceTest(harness.ServerTest):
    MODELS = [Model("attributes")]
    # Nobody listens there: what is traced is lost, its context is not.
    SERVER_ARGS = [
        "--trace-config=mode=opentelemetry",
        "--trace-config=rate=1",
        "--trace-config=level=TIMESTAMPS",
        "--trace-config=opentelemetry,url=127.0.0.1:9/v1/traces",
    ]

    # Copied for each request: the HTTP client adds to it.
    _HEADERS: ClassVar[dict[str, str]] = {"traceparent": f"00-{_TRACE}-b7ad6b7169203331-01"}

    def test_line_30_trace_context(self) -> None:
        with httpclient.InferenceServerClient(self.server.http_url) as client:
            one = httpclient.InferInput("IN", [1], "INT32")
            one.set_data_from_numpy(np.zeros(1, np.int32))
            for _ in range(50):
                answer = client.infer("attributes", [one], headers=dict(self._HEADERS))
                context = json.loads(json.loads(answer.as_numpy("RESULT")[0])["trace"])["traceparent"]
                self.assertRegex(context, f"^00-{_TRACE}-[0-9a-f]{{16}}-01$")

    def test_line_30_trace_context_over_grpc(self) -> None:
        """The 24.10 server begins a trace of its own for 24 % of 2,000 gRPC requests, with either stub."""
        for _ in range(50):
            answer = self.infer("attributes", headers=dict(self._HEADERS))
            context = json.loads(json.loads(answer["RESULT"][0])["trace"])["traceparent"]
            self.assertRegex(context, "^00-[0-9a-f]{32}-[0-9a-f]{16}-01$")


if __name__ == "__main__":
    absltest.main()
