"""Models whose signature has no outputs: they are inferred from the answer to the input example."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from absl.testing import absltest, parameterized
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, Schema

from mlflow_backend import autocomplete, service
from mlflow_backend.errors import SchemaError
from tests.unit.backend import models
from tests.unit.backend.model_config import ModelConfig

_INPUTS = ModelSignature(Schema([ColSpec("double", "x")]), None)
_EXAMPLE = pd.DataFrame({"x": [1.0, 2.0]})


class OutputsTest(parameterized.TestCase):
    def _save(self, function: Callable[[Any, Any], Any], example: Any = _EXAMPLE) -> Path:
        folder = Path(self.create_tempdir().full_path) / "model"
        return models.save(folder, function, _INPUTS, example)

    def _completed(self, folder: Path, **written: Any) -> dict[str, Any]:
        config: dict[str, Any] = autocomplete.complete(ModelConfig(**written), folder).as_dict()
        return config

    @parameterized.named_parameters(
        ("column", lambda frame, params: frame["x"] * 2, {"x": "TYPE_FP64"}, {"x": [[2.0]]}),
        (
            "frame",
            lambda frame, params: pd.DataFrame({"n": frame["x"].astype("int64"), "t": frame["x"].map(str)}),
            {"n": "TYPE_INT64", "t": "TYPE_STRING"},
            {"n": [[1]], "t": [[b"1.0"]]},
        ),
        ("array", lambda frame, params: np.ones((len(frame), 3), np.float32), {"output-0": "TYPE_FP32"}, None),
        (
            "lists",
            lambda frame, params: [{"scores": [1.0, 2.0]} for _ in range(len(frame))],
            {"scores": "TYPE_STRING"},
            {"scores": [[b"[1.0, 2.0]"]]},
        ),
    )
    def test_served_as_completed(
        self, function: Callable[[Any, Any], Any], types: dict[str, str], answer: dict[str, Any] | None
    ) -> None:
        folder = self._save(function)
        config = self._completed(folder)
        self.assertEqual({entry["name"]: entry["data_type"] for entry in config["output"]}, types)
        self.assertEqual(config["max_batch_size"], 64)
        outputs = models.answer(service.Service.load(folder, config), x=np.array([[1.0]]))
        self.assertIsInstance(outputs, dict, outputs)
        if answer is None:
            self.assertEqual(outputs["output-0"].tolist(), [[1.0, 1.0, 1.0]])
        else:
            self.assertEqual({name: array.tolist() for name, array in outputs.items()}, answer)

    def test_what_is_written_wins(self) -> None:
        folder = self._save(lambda frame, params: frame["x"] * 2)
        written = [{"name": "mine", "data_type": "TYPE_FP32", "dims": [1]}]
        config = self._completed(folder, output=written, max_batch_size=4)
        self.assertEqual(config["output"], written)
        outputs = models.answer(service.Service.load(folder, config), x=np.array([[1.0]]))
        self.assertEqual(outputs["mine"].tolist(), [[2.0]])
        self.assertEqual(outputs["mine"].dtype, np.float32)

    def test_model_that_fails_on_its_example(self) -> None:
        folder = self._save(lambda frame, params: frame["x"] * 2)
        example = json.loads((folder / "input_example.json").read_text())
        example["columns"] = ["y"]
        (folder / "input_example.json").write_text(json.dumps(example))
        text = "the signature has no outputs, and they cannot be inferred from the input example: MlflowException"
        with self.assertRaisesRegex(SchemaError, text):
            self._completed(folder)

    def test_no_example(self) -> None:
        folder = self._save(lambda frame, params: frame["x"] * 2, example=None)
        self.assertEqual(self._completed(folder)["output"], [])
        with self.assertRaisesRegex(SchemaError, "there is no input example to infer them from; save the model with"):
            service.Service.load(folder, {})


if __name__ == "__main__":
    absltest.main()
