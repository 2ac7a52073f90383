"""Content types that a request asks for, on real models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from absl.testing import absltest, parameterized
from mlflow.models import ModelSignature
from mlflow.types.schema import AnyType, ColSpec, Schema, TensorSpec

from mlflow_backend import service
from mlflow_backend.errors import BackendError
from tests.unit.backend import models


def _kinds(data: Any, params: Any) -> list[str]:
    """One text a row: what the model got, and what of the row's first value."""
    values = next(iter(data.values())) if isinstance(data, dict) else data
    first = values.iloc[0, 0] if hasattr(values, "iloc") else np.asarray(values).ravel()[0]
    return [f"{type(data).__name__} {type(first).__name__} {first}"] * len(values)


def _service(folder: str, inputs: list[Any]) -> service.Service:
    signature = ModelSignature(Schema(inputs), Schema([ColSpec("string", "y")]))
    return service.Service.load(models.save(Path(folder) / "model", _kinds, signature), {"max_batch_size": 8})


class ContentTypesTest(parameterized.TestCase):
    def _seen(self, inputs: list[Any], parameters: dict[str, Any], **tensors: Any) -> str:
        """What the model saw, or the text of the error."""
        result = models.answer(_service(self.create_tempdir().full_path, inputs), parameters, **tensors)
        return str(result) if isinstance(result, BackendError) else str(result["y"][0, 0].decode())

    @parameterized.parameters(
        ({}, b'"a"', "DataFrame str a"),
        ({"content_type": "str"}, b'"a"', 'DataFrame str "a"'),
        ({"content_type.x": "str"}, b"a", "DataFrame str a"),
        ({"content_type": "base64"}, b"/wA=", r"DataFrame bytes b'\xff\x00'"),
        ({"content_type": "datetime"}, b"2020-01-02", "DataFrame Timestamp 2020-01-02 00:00:00"),
        ({"content_type": "pd_json"}, b"[1]", "DataFrame list [1]"),
        ({"content_type": "str", "content_type.x": "json"}, b"[1]", "DataFrame list [1]"),
    )
    def test_what_the_signature_leaves_open(self, parameters: dict[str, str], cell: bytes, seen: str) -> None:
        self.assertEqual(self._seen([ColSpec(AnyType(), "x")], parameters, x=models.texts(cell)), seen)

    @parameterized.parameters("str", "datetime", "pd_json", "pd")
    def test_the_signature_goes_first(self, content_type: str) -> None:
        parameters = {"content_type": content_type}
        self.assertEqual(self._seen([ColSpec("string", "x")], parameters, x=models.texts("7")), "DataFrame str 7")

    def test_containers(self) -> None:
        """MLflow makes of each what the signature asks for, or refuses it."""
        x, z = np.array([1.5]), np.array([2.5])
        named, unnamed = [TensorSpec(np.dtype("float64"), (-1,), "x")], [TensorSpec(np.dtype("float64"), (-1,))]
        columns, numbered = [ColSpec("double", "x"), ColSpec("double", "z")], [ColSpec("double"), ColSpec("double")]
        refused = "predict failed: MlflowException: Failed to enforce schema"
        for inputs, tensors, wanted in (
            (named, {"x": x}, {"pd": "dict float64 1.5", "np": "dict float64 1.5", "dict": "dict float64 1.5"}),
            (unnamed, {"input-0": x}, {"pd": "ndarray float64 1.5", "np": "ndarray float64 1.5", "dict": refused}),
            (
                columns,
                {"x": x, "z": z},
                {"pd": "DataFrame float64 1.5", "np": refused, "dict": "DataFrame float64 1.5"},
            ),
            (numbered, {"input-0": x, "input-1": z}, {"pd": "DataFrame float64 1.5", "np": "DataFrame float64 1.5"}),
        ):
            for content_type, seen in wanted.items():
                with self.subTest(f"{inputs} {content_type}"):
                    self.assertStartsWith(self._seen(inputs, {"content_type": content_type}, **tensors), seen)

    def test_matrix_in_a_frame(self) -> None:
        inputs = [TensorSpec(np.dtype("float64"), (-1, 2), "x"), TensorSpec(np.dtype("float64"), (-1,), "z")]
        got = self._seen(inputs, {"content_type": "pd"}, x=np.ones((1, 2)), z=np.ones(1))
        self.assertIn("content type 'pd' holds columns, but the inputs have the shapes [[1, 2], [1]]; leave", got)

    def test_outputs_as_base64(self) -> None:
        signature = ModelSignature(Schema([ColSpec("binary", "x")]), Schema([ColSpec("binary", "y")]))
        folder = Path(self.create_tempdir().full_path) / "model"
        models.save(folder, lambda frame, params: frame.rename(columns={"x": "y"}), signature)
        echo = service.Service.load(folder, {"max_batch_size": 8})
        for parameters, given, wanted in (
            ({}, b"\xff", b"\xff"),
            ({"content_type": "base64"}, b"/w==", b"/w=="),
            ({"content_type.y": "base64"}, b"\xff", b"/w=="),
            ({"content_type.x": "base64"}, b"/w==", b"\xff"),
        ):
            with self.subTest(parameters):
                result = models.answer(echo, parameters, x=models.texts(given))
                self.assertEqual(result["y"].tolist(), [[wanted]])

    def test_requests_of_different_types_in_one_batch(self) -> None:
        model = _service(self.create_tempdir().full_path, [ColSpec(AnyType(), "x")])
        batch = [
            service.Request({"x": models.texts('"a"')}, parameters)
            for parameters in ({}, {"content_type": "str"}, {"content_type": "base64"}, {})
        ]
        answers = models.answer_all(model, batch)
        self.assertIn("is not base64", str(answers[2]))
        seen = [answer["y"][0, 0].decode() for answer in (answers[0], answers[1], answers[3])]
        self.assertEqual(seen, ["DataFrame str a", 'DataFrame str "a"', "DataFrame str a"])

    @parameterized.parameters(
        ({"content_type": "xml"}, "request parameter 'content_type' is 'xml'; allowed are pd, np, dict, base64,"),
        ({"content_type": 3}, "request parameter 'content_type' is 3; allowed are"),
        ({"content_type.d": "str"}, "'content_type.d' is 'str', but the signature says double; allowed are pd, np."),
        ({"content_type.s": "dict"}, "'content_type.s' is 'dict', but the signature says string; allowed are pd, np,"),
        ({"content_type.q": "str"}, "'content_type.q' names neither an input nor an output of the model."),
    )
    def test_wrong(self, parameters: dict[str, Any], text: str) -> None:
        inputs = [ColSpec("double", "d"), ColSpec("string", "s")]
        self.assertIn(text, self._seen(inputs, parameters, d=np.ones(1), s=models.texts("a")))


if __name__ == "__main__":
    absltest.main()
