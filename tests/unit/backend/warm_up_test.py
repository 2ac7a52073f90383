"""The model answers its input example before it is ready, when the configuration asks for that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from absl.testing import absltest
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, Schema

from mlflow_backend import service
from mlflow_backend.errors import ConfigMismatchError, PredictError
from tests.unit.backend import models

_SIGNATURE = ModelSignature(Schema([ColSpec("double", "x")]), Schema([ColSpec("double", "x")]))
_WARM = {"max_batch_size": 4, "parameters": {"warm_up": {"string_value": "true"}}}


class WarmUpTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)
        self.seen = self.folder / "seen"

    def _save(self, function: Any, example: Any) -> Path:
        return models.save(self.folder / "model", function, _SIGNATURE, example)

    def _noting(self) -> Any:
        path = str(self.seen)

        def note(frame: pd.DataFrame, params: Any) -> pd.DataFrame:
            with open(path, "a") as file:
                file.write(f"{frame['x'].tolist()}\n")
            return frame

        return note

    def test_example_is_answered_once(self) -> None:
        model = self._save(self._noting(), pd.DataFrame({"x": [1.5, 2.0]}))
        self.seen.unlink(missing_ok=True)  # saving asks for it, too
        service.Service.load(model, {"max_batch_size": 4}).warm_up()
        self.assertFalse(self.seen.exists())
        service.Service.load(model, _WARM).warm_up()
        self.assertEqual(self.seen.read_text(), "[1.5, 2.0]\n")

    def test_no_example(self) -> None:
        model = self._save(self._noting(), None)
        with self.assertRaisesRegex(ConfigMismatchError, "the model has no input example; save it with input_example"):
            service.Service.load(model, _WARM).warm_up()

    def test_a_model_that_fails_is_not_loaded(self) -> None:
        def fail(frame: pd.DataFrame, params: Any) -> pd.DataFrame:
            raise ValueError("no weights")

        model = self._save(fail, pd.DataFrame({"x": [1.5]}))
        with self.assertRaisesRegex(PredictError, "warming up with the input example failed: ValueError: no weights"):
            service.Service.load(model, _WARM).warm_up()


if __name__ == "__main__":
    absltest.main()
