"""What a saved model says that it needs."""

from __future__ import annotations

from pathlib import Path

from absl.testing import absltest, parameterized

from mlflow_backend import metadata
from mlflow_backend_utils.messages.errors import InputError
from mlflow_backend_utils.provision import requirements

_MLMODEL = """\
mlflow_version: 3.17.2
flavors:
  python_function: {{loader_module: mlflow.sklearn{python}}}
"""
_SUPPORTED = ("3.11", "3.12")


class RequirementsTest(parameterized.TestCase):
    def _model(self, python: str = ", python_version: 3.11.7", **files: str) -> metadata.ModelMetadata:
        folder = Path(self.create_tempdir().full_path)
        (folder / "MLmodel").write_text(_MLMODEL.format(python=python))
        for name, text in files.items():
            (folder / name.replace("_", ".")).write_text(text)
        return metadata.read(folder)

    @parameterized.parameters(
        ("mlflow==3.17.2\nscikit-learn>=1\nnumpy\npandas<3\n", "mlflow==3.17.2\nscikit-learn>=1\nnumpy\npandas<3\n"),
        ("# x\n-c constraints.txt\nMLflow_Skinny==3\n", "MLflow_Skinny==3\nnumpy\npandas\n"),
        ("", "mlflow-skinny==3.17.2\nnumpy\npandas\n"),
    )
    def test_of_pip(self, text: str, wanted: str) -> None:
        self.assertEqual(requirements.text(self._model(requirements_txt=text)), wanted)

    def test_of_conda(self) -> None:
        conda = "dependencies: [python=3.11, pip, {pip: [mlflow==3.17.2, numpy, pandas, xgboost]}]"
        self.assertEqual(requirements.text(self._model(conda_yaml=conda)), "mlflow==3.17.2\nnumpy\npandas\nxgboost\n")

    @parameterized.parameters(("requirements_txt", "a b c"), ("conda_yaml", "{"))
    def test_wrong(self, name: str, text: str) -> None:
        with self.assertRaises(InputError):
            requirements.text(self._model(**{name: text}))

    @parameterized.parameters((None, "3.11"), ("3.12", "3.12"))
    def test_python(self, given: str | None, wanted: str) -> None:
        self.assertEqual(requirements.python_version(self._model(), given, _SUPPORTED), wanted)

    def test_other_pythons(self) -> None:
        with self.assertRaisesRegex(InputError, "saved with Python 3.8; there are stubs for 3.11, 3.12"):
            requirements.python_version(self._model(", python_version: 3.8.1"), None, _SUPPORTED)
        with self.assertRaisesRegex(InputError, "--python-version is 3.7; there are"):
            requirements.python_version(self._model(), "3.7", _SUPPORTED)
        with self.assertRaisesRegex(InputError, "does not say with which Python .*give --python-version"):
            requirements.python_version(self._model(""), None, _SUPPORTED)


if __name__ == "__main__":
    absltest.main()
