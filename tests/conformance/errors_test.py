"""Spec 8.2, lines 26 to 28: error responses, exceptions and results of the wrong kind reach the client that asked."""

import http.client
import json
from typing import Any

import numpy as np
from absl.testing import absltest, parameterized

from tests.conformance import harness
from tests.conformance.repository import Model

# Until 24.05 the server puts it before the stub's text, from then on the stub.
_SUBJECT = "model instance" if harness.release() < "24.06" else "model"
_PREFIX = f"Failed to process the request(s) for {_SUBJECT} 'errors_0_0', message: "

# Member of TritonError -> status that gRPC clients see.
_CODES = {
    "UNKNOWN": "UNKNOWN",
    "INTERNAL": "INTERNAL",
    "NOT_FOUND": "NOT_FOUND",
    "INVALID_ARG": "INVALID_ARGUMENT",
    "UNAVAILABLE": "UNAVAILABLE",
    "UNSUPPORTED": "UNIMPLEMENTED",
    "ALREADY_EXISTS": "ALREADY_EXISTS",
    "CANCELLED": "CANCELLED",
}


class ErrorsTest(harness.ServerTest):
    MODELS = [
        Model("errors"),
        Model(
            "errors",
            "batched",
            max_batch_size=8,
            config="dynamic_batching { max_queue_delay_microseconds: 300000 preferred_batch_size: [ 4 ] }",
        ),
    ]

    def _message(self, **parameters: Any) -> str:
        message = self.infer_error("errors", parameters=parameters).message()
        self.assertEqual(self.ask("errors"), "fine", "the next request must be answered")
        return str(message)

    @parameterized.parameters(*_CODES.items())
    def test_line_26_codes(self, code: str, status: str) -> None:
        error = self.infer_error("errors", parameters={"mode": "code", "code": code})
        self.assertEqual((error.message(), error.status()), ("said no", f"StatusCode.{status}"))

    @parameterized.parameters("", "plain", "grüße 💥", "two\nlines", "x" * 3000)
    def test_line_26_texts(self, text: str) -> None:
        self.assertEqual(self._message(mode="error", text=text), text)

    def test_line_26_error_goes_before_outputs(self) -> None:
        self.assertEqual(self._message(mode="error_and_output"), "no")

    def test_line_26_mixed_batch(self) -> None:
        """Each request of a call gets its own answer."""
        wanted = ["", "bad 1", "", "bad 3"]
        answers = self.infer_all(
            "batched",
            [{"IN": np.zeros((1, 1), np.int32)}] * 4,
            parameters=[{"mode": "error", "text": text} if text else {"mode": ""} for text in wanted],
        )
        for text, answer in zip(wanted, answers, strict=True):
            if text:
                self.assertIsInstance(answer, harness.InferenceServerException)
                self.assertEqual(answer.message(), text)
            else:
                self.assertEqual(answer["RESULT"].tolist(), [b'"fine"'])

    def test_error_objects(self) -> None:
        self.assertEqual(
            self.ask("errors", "describe"),
            {
                "message": "text",
                "code": True,
                "default": True,
                "has_error": [True, False],
                "errors": ["text", None],
                "outputs": ["RESULT"],
                "subclass": True,
            },
        )

    @parameterized.parameters(
        ("empty_name", "TritonModelException", "Tensor name cannot be an empty string."),
        ("list", "TypeError", ""),
        ("complex", "TritonModelException", "NumPy dtype is not supported."),
        ("datetime", "TritonModelException", "NumPy dtype is not supported."),
        ("structured", "TritonModelException", "NumPy dtype is not supported."),
        ("none_tensor", "TritonModelException", "Output tensor for inference response should not be empty."),
        ("none_message", "TypeError", ""),
        ("number_code", "TypeError", ""),
    )
    def test_api_errors(self, what: str, kind: str, text: str) -> None:
        got_kind, got_text = self.ask("errors", "api", what=what)
        self.assertEqual(got_kind, kind)
        self.assertIn(text, got_text)

    @parameterized.parameters(
        ("built_in", "ValueError: boom"),
        ("custom", "CustomError: custom boom"),
        ("model", "TritonModelException: model boom"),
        ("conversion", "ValueError: invalid literal for int() with base 10: 'x'"),
        ("utf8", "ValueError: grüße 💥"),
    )
    def test_line_27_exceptions(self, what: str, text: str) -> None:
        message = self._message(mode="raise", what=what)
        self.assertStartsWith(message, f"{_PREFIX}{text}\n\nAt:\n  {self.repository}/errors/1/model.py(")
        self.assertEndsWith(message, "): execute\n")
        # Innermost frame first.
        self.assertRegex(message.splitlines()[3], r"model\.py\(\d+\): (<lambda>|throw)$")

    def test_line_27_chained(self) -> None:
        self.assertIn("RuntimeError: outer", self._message(mode="raise", what="chained"))

    def test_line_27_empty_text(self) -> None:
        self.assertStartsWith(self._message(mode="raise", what="empty"), f"{_PREFIX}ValueError")

    @parameterized.parameters("unprintable", "surrogate", "exit", "interrupt")
    def test_line_27_awkward(self, what: str) -> None:
        """Whatever the text, it is an error to the client, and the model lives on."""
        if what == "surrogate":
            self.skip_if_shipped("text_of_exception")
        self.assertStartsWith(self._message(mode="raise", what=what), _PREFIX)

    def test_line_27_nul(self) -> None:
        self.assertIn("ValueError: before", self._message(mode="raise", what="nul"))

    @parameterized.parameters(("long", "ValueError: xxx", 2_000_000), ("recursion", "RecursionError: ", 1000))
    def test_line_27_very_long(self, what: str, start: str, length: int) -> None:
        """A text larger than the region, and one with a thousand frames; HTTP, as gRPC cannot carry it."""
        connection = http.client.HTTPConnection(self.server.http_url, timeout=harness.REQUEST_SECONDS)
        inputs = [{"name": "IN", "datatype": "INT32", "shape": [1], "data": [1]}]
        body = {"inputs": inputs, "parameters": {"mode": "raise", "what": what}}
        connection.request("POST", "/v2/models/errors/infer", json.dumps(body))
        text = json.loads(connection.getresponse().read())["error"]
        connection.close()
        self.assertStartsWith(text, f"{_PREFIX}{start}")
        self.assertGreater(len(text), length)
        self.assertEqual(self.ask("errors"), "fine")

    @parameterized.parameters(
        ("text", "Expected a list in the execute return, found type '<class 'str'>'."),
        ("number", "Expected a list in the execute return, found type '<class 'int'>'."),
        ("tuple", "Expected a list in the execute return, found type '<class 'tuple'>'."),
        (
            "numbers",
            "Expected an 'InferenceResponse' object in the execute function return list, found type '<class 'int'>'.",
        ),
        (
            "tensors",
            "Expected an 'InferenceResponse' object in the execute function return list, found type "
            "'<class 'c_python_backend_utils.Tensor'>'.",
        ),
        (
            "short",
            "Number of InferenceResponse objects do not match the number of InferenceRequest objects. "
            "InferenceRequest(s) size is:1, and InferenceResponse(s) size is:0\n",
        ),
        (
            "long",
            "Number of InferenceResponse objects do not match the number of InferenceRequest objects. "
            "InferenceRequest(s) size is:1, and InferenceResponse(s) size is:2\n",
        ),
    )
    def test_line_28_wrong_results(self, what: str, text: str) -> None:
        self.assertEqual(self._message(mode="return", what=what), _PREFIX + text)


if __name__ == "__main__":
    absltest.main()
