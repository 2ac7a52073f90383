"""What both clients have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import tritonclient.grpc
import tritonclient.grpc.aio
import tritonclient.http
import tritonclient.http.aio
from absl.testing import absltest, parameterized

from mlflow_backend.client import ClientError, InputError, TritonModel, calls
from tests.unit.client.interfaces import column, interface, tensor

_TWO = interface(column("double", "x"), column("double", "y"))
_OPTIONAL = interface(column("double", "x"), column("string", "note", required=False))


class AddressTest(parameterized.TestCase):
    @parameterized.parameters(
        ("grpc://h:1", ("grpc", False, "h:1")),
        ("grpcs://h:1", ("grpc", True, "h:1")),
        ("http://h:1", ("http", False, "h:1")),
        ("https://[::1]:1", ("http", True, "[::1]:1")),
    )
    def test_urls(self, url: str, parts: tuple[str, bool, str]) -> None:
        self.assertEqual(calls.address(url), parts)

    @parameterized.parameters("", "h:1", "ftp://h:1", "grpc://", "grpc://h", "http://h:x", "http://:1")
    def test_others(self, url: str) -> None:
        with self.assertRaisesRegex(InputError, f"^'{url}' is no address of a server; write grpc://HOST:8001"):
            TritonModel(url, "m")


class TensorsTest(parameterized.TestCase):
    def _sent(self, model: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {name: array.tolist() for name, array in calls.tensors_of(model, args, kwargs).items()}

    def test_by_position(self) -> None:
        self.assertEqual(self._sent(_TWO, [1.0], [2.0]), {"x": [[1.0]], "y": [[2.0]]})

    def test_by_name(self) -> None:
        self.assertEqual(self._sent(_TWO, y=[2.0], x=[1.0]), {"y": [[2.0]], "x": [[1.0]]})

    @parameterized.parameters(
        (pd.DataFrame({"x": [1.0], "y": [2.0]}),),
        ({"x": [1.0], "y": [2.0]},),
        ([{"x": 1.0, "y": 2.0}],),
        ([[1.0, 2.0]],),
    )
    def test_all_at_once(self, data: Any) -> None:
        self.assertEqual(self._sent(_TWO, data), {"x": [[1.0]], "y": [[2.0]]})

    def test_only_what_is_required(self) -> None:
        self.assertEqual(self._sent(_OPTIONAL, [1.0, 2.0]), {"x": [[1.0], [2.0]]})
        self.assertEqual(self._sent(_OPTIONAL, {"x": [1.0]}), {"x": [[1.0]]})

    @parameterized.named_parameters(
        ("mixed", ([1.0],), {"y": [2.0]}, "give the inputs either by position or by name, not both."),
        ("many", ([1.0], [2.0], [3.0]), {}, "3 inputs were given, but the model has 2: x, y."),
        ("none", (), {}, "input 'x' is missing; the model requires it."),
        ("unknown", (), {"x": 1.0, "y": 1.0, "z": 1.0}, "input 'z' is unknown; the model's inputs are 'x', 'y'."),
    )
    def test_wrong(self, args: Any, kwargs: Any, text: str) -> None:
        with self.assertRaisesRegex(InputError, text):
            calls.tensors_of(_TWO, args, kwargs)

    @parameterized.parameters(tritonclient.grpc, tritonclient.http)
    def test_infer_inputs(self, module: Any) -> None:
        (one, two) = calls.infer_inputs(
            module, {"a": np.ones((2, 3), np.float32)[:, ::2], "b": np.array([b"x"], object)}
        )
        self.assertEqual((one.name(), one.datatype(), list(one.shape())), ("a", "FP32", [2, 2]))
        self.assertEqual((two.name(), two.datatype(), list(two.shape())), ("b", "BYTES", [1]))

    def test_parameters(self) -> None:
        self.assertIsNone(calls.parameters_of(None, None))
        self.assertEqual(calls.parameters_of({"k": 1}, {"priority": 2}), {"priority": 2, "params": '{"k": 1}'})
        self.assertEqual(calls.as_one(None), {"stream": False})

    def test_image(self) -> None:
        model = interface(tensor("float32", -1, 2))
        self.assertEqual(self._sent(model, np.ones((1, 2))), {"input-0": [[1.0, 1.0]]})


class ManagementTest(parameterized.TestCase):
    @parameterized.parameters(tritonclient.grpc, tritonclient.grpc.aio, tritonclient.http, tritonclient.http.aio)
    def test_every_client_has_every_call(self, module: Any) -> None:
        for name in calls.MANAGEMENT:
            self.assertTrue(callable(getattr(module.InferenceServerClient, name, None)), name)

    def test_this_model_if_none_is_named(self) -> None:
        def statistics(model_name: str = "", model_version: str = "", client_timeout: float | None = None) -> Any:
            return model_name, model_version, client_timeout

        call = calls.bound(statistics, "m", "2", 1.5)
        self.assertEqual(call(), ("m", "2", 1.5))
        self.assertEqual(call("other"), ("other", "", 1.5))
        self.assertEqual(call(model_name="", client_timeout=3.0), ("", "", 3.0))

    def test_calls_without_a_model(self) -> None:
        def unregister(name: str = "") -> str:
            return name

        self.assertEqual(calls.bound(unregister, "m", "2", 1.5)(), "")

    def test_other_names_are_no_calls(self) -> None:
        with TritonModel("grpc://127.0.0.1:1", "m") as model:
            with self.assertRaisesRegex(AttributeError, "TritonModel has no attribute 'close_everything'"):
                model.close_everything()
            with self.assertRaises(AttributeError):
                model.stream_infer()


class PiecesTest(absltest.TestCase):
    def test_only_piece(self) -> None:
        self.assertEqual(calls.only_piece([1]), 1)
        with self.assertRaisesRegex(ClientError, "the model answered in 2 pieces; use predict_stream."):
            calls.only_piece([1, 2])

    def test_streams_need_grpc(self) -> None:
        calls.check_streams("grpc")
        with self.assertRaisesRegex(InputError, "an answer in pieces needs gRPC; use a URL grpc://HOST:8001."):
            calls.check_streams("http")


if __name__ == "__main__":
    absltest.main()
