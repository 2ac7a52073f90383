"""Whose fault it was."""

from __future__ import annotations

import asyncio

import grpc
from absl.testing import absltest, parameterized
from tritonclient.utils import InferenceServerException

from mlflow_backend.client import errors


class _RpcError(grpc.RpcError):  # type: ignore[misc]
    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return "gone"


class ErrorsTest(parameterized.TestCase):
    @parameterized.parameters(
        ("StatusCode.INVALID_ARGUMENT", errors.InferenceError, "INVALID_ARGUMENT"),
        ("400", errors.InferenceError, "INVALID_ARGUMENT"),
        ("StatusCode.CANCELLED", errors.InferenceError, "CANCELLED"),
        ("StatusCode.UNAVAILABLE", errors.UnavailableError, "UNAVAILABLE"),
        ("503", errors.UnavailableError, "UNAVAILABLE"),
        ("StatusCode.RESOURCE_EXHAUSTED", errors.UnavailableError, "RESOURCE_EXHAUSTED"),
        ("StatusCode.DEADLINE_EXCEEDED", errors.DeadlineError, "DEADLINE_EXCEEDED"),
        ("418", errors.InferenceError, "418"),
        (None, errors.InferenceError, ""),
    )
    def test_by_status(self, status: str | None, kind: type[errors.InferenceError], name: str) -> None:
        found = errors.from_triton(InferenceServerException("text", status))
        self.assertIs(type(found), kind)
        assert isinstance(found, errors.InferenceError)
        self.assertEqual((str(found), found.status), ("text", name))

    @parameterized.parameters(
        ("404", "no such thing"),
        ("StatusCode.NOT_FOUND", "no such thing"),
        ("StatusCode.UNAVAILABLE", "Request for unknown model: 'm' is not found"),
        ("400", "Request for unknown model: 'm' version 7 is not at ready state"),
    )
    def test_unknown_model(self, status: str, text: str) -> None:
        self.assertIsInstance(errors.from_triton(InferenceServerException(text, status)), errors.ModelNotFoundError)

    def test_a_model_may_speak_of_unknown_models(self) -> None:
        found = errors.from_triton(InferenceServerException("predict failed: Request for unknown model", "400"))
        self.assertIs(type(found), errors.InferenceError)

    def test_of_a_stream(self) -> None:
        found = errors.from_rpc(_RpcError())
        self.assertIsInstance(found, errors.UnavailableError)
        self.assertEqual(str(found), "gone")

    @parameterized.parameters(TimeoutError("t"), asyncio.TimeoutError())
    def test_too_late(self, error: Exception) -> None:
        found = errors.of_network(error)
        self.assertIsInstance(found, errors.DeadlineError)
        self.assertIsInstance(found, TimeoutError)
        self.assertStartsWith(str(found), "the server did not answer in time: ")

    @parameterized.parameters(
        (ConnectionRefusedError("refused"), "refused"), (ConnectionResetError(), "ConnectionResetError")
    )
    def test_lost(self, error: Exception, text: str) -> None:
        found = errors.of_network(error)
        self.assertIsInstance(found, errors.UnavailableError)
        self.assertEqual(str(found), text)

    def test_as_builtin_errors(self) -> None:
        self.assertTrue(issubclass(errors.InputError, ValueError))
        self.assertTrue(issubclass(errors.ModelNotFoundError, LookupError))


if __name__ == "__main__":
    absltest.main()
