"""Normalized models: two trainings give the same bytes, and MLflow still loads them."""

import datetime
import io
import os
import zipfile
from pathlib import Path
from unittest import mock

import mlflow
import numpy as np
import yaml
from absl.testing import absltest, parameterized

from mlflow_backend.errors import BackendError
from mlflow_backend_utils.model import reproducible, skops_file
from tests.unit.model import fixtures


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


class ReproducibleTest(parameterized.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)

    @parameterized.parameters("skops", "cloudpickle")
    def test_two_trainings_give_the_same_bytes(self, serialization_format: str) -> None:
        results = []
        for run in ("1", "2"):
            raw = fixtures.trained(self.folder / f"raw{run}", serialization_format)
            out = self.folder / f"out{run}"
            reproducible.normalize(str(raw), str(out))
            results.append(contents(out))
        self.assertNotEqual(contents(self.folder / "raw1"), contents(self.folder / "raw2"))
        self.assertEqual(results[0], results[1])
        x = np.arange(6, dtype=float).reshape(2, 3)
        loaded = [mlflow.pyfunc.load_model(str(self.folder / name)).predict(x) for name in ("raw1", "out1")]
        np.testing.assert_array_equal(*loaded)

    def test_mlmodel(self) -> None:
        model = fixtures.written(self.folder / "model")
        (model / "code" / "__pycache__").mkdir(parents=True)
        (model / "code" / "__pycache__" / "x.pyc").write_bytes(b"x")
        (model / "code" / "x.py").write_text("")
        with open(model / "MLmodel", "a") as file:
            file.write("artifact_path: file:///srv/models\nmodel_id: m-1234\n")
        reproducible.normalize(str(model), str(self.folder / "out"))
        new = yaml.safe_load((self.folder / "out/MLmodel").read_text())
        self.assertEqual(new["utc_time_created"], "1980-01-01 00:00:00.000000")
        self.assertLen(new["model_uuid"], 32)
        self.assertIsNone(new["model_id"])
        self.assertNoCommonElements(new, ["run_id", "artifact_path"])
        self.assertEqual(new["signature"], yaml.safe_load(fixtures.MLMODEL)["signature"])
        self.assertEqual(new["model_size_bytes"], 0)
        self.assertEqual(sorted(contents(self.folder / "out")), ["MLmodel", "code/x.py", "requirements.txt"])

    def test_path_of_the_code_goes(self) -> None:
        """MLflow states where a model from code was saved from, and looks for the file's name in the model only."""
        results = []
        for place in ("one", "another"):
            code = self.folder / place / "code.py"
            code.parent.mkdir()
            code.write_text(
                "import mlflow\n"
                "class Echo(mlflow.pyfunc.PythonModel):\n"
                "    def predict(self, context, model_input, params=None):\n"
                "        return model_input\n"
                "mlflow.models.set_model(Echo())\n"
            )
            raw, out = self.folder / place / "raw", self.folder / place / "out"
            mlflow.pyfunc.save_model(raw, python_model=str(code), pip_requirements=["mlflow"])
            reproducible.normalize(str(raw), str(out))
            results.append(contents(out))
        self.assertEqual(results[0], results[1])
        self.assertEqual(mlflow.pyfunc.load_model(str(out)).predict([1]), [1])

    @parameterized.parameters(("/build/scratch/small", "small"), ("people/small", "people/small"), ("", ""))
    def test_folder_of_a_pretrained_model_goes(self, source: str, wanted: str) -> None:
        content = {"flavors": {"transformers": {"source_model_name": source}}}
        written = yaml.safe_load(reproducible.normalize_mlmodel(content, {}, reproducible.stated_time()))
        self.assertEqual(written["flavors"]["transformers"]["source_model_name"], wanted)

    def test_id_follows_the_content(self) -> None:
        ids = set()
        for text in ("a", "b", "a"):
            model = fixtures.written(self.folder / "model", requirements=text)
            reproducible.normalize(str(model), str(self.folder / "out"))
            ids.add(yaml.safe_load((self.folder / "out/MLmodel").read_text())["model_uuid"])
        self.assertLen(ids, 2)

    def test_source_date_epoch(self) -> None:
        with mock.patch.dict(os.environ, {"SOURCE_DATE_EPOCH": "86400"}):
            self.assertEqual(reproducible.stated_time().date(), datetime.date(1970, 1, 2))

    def test_zip_times_are_overwritten_in_place(self) -> None:
        results = []
        for time in ((2026, 1, 2, 3, 4, 6), (2001, 2, 3, 4, 5, 8)):
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
                for name in ("b", "a"):
                    archive.writestr(zipfile.ZipInfo(name, time), b"content " * 100)
            results.append(reproducible.normalize_zip(out.getvalue()))
        self.assertEqual(results[0], results[1])
        with zipfile.ZipFile(io.BytesIO(results[0])) as archive:
            self.assertEqual(archive.namelist(), ["b", "a"])
            self.assertEqual({info.date_time for info in archive.infolist()}, {skops_file.ZIP_TIME})
            self.assertIsNone(archive.testzip())

    def test_other_data_stays(self) -> None:
        for data in (b"", b"PK\x03\x04 but no zip", b"text"):
            self.assertEqual(reproducible.normalize_zip(data), data)

    def test_no_model(self) -> None:
        with self.assertRaisesRegex(BackendError, "no MLmodel file"):
            reproducible.normalize(str(self.folder), str(self.folder / "out"))


if __name__ == "__main__":
    absltest.main()
