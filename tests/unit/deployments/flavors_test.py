"""Model folders of Triton, by flavor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from absl.testing import absltest, parameterized
from mlflow.exceptions import MlflowException

from mlflow_backend_utils.config import messages
from mlflow_backend_utils.deployments import flavors, options

_SIGNATURE = {
    "inputs": json.dumps([{"type": "double", "name": "x", "required": True}]),
    "outputs": json.dumps([{"type": "double", "name": "y", "required": True}]),
}


class _Case(parameterized.TestCase):
    def _model(self, **kinds: Any) -> Path:
        folder = Path(self.create_tempdir().full_path)
        (folder / "MLmodel").write_text(json.dumps({"flavors": kinds, "signature": _SIGNATURE}), encoding="utf-8")
        return folder

    def _laid_out(self, flavor: str, model: Path, version: int = 1, **given: Any) -> Path:
        target = Path(self.create_tempdir().full_path, "m")
        flavors.lay_out(flavor, model, "m", version, options.read(given), target)
        return target

    def _config(self, folder: Path) -> Any:
        text = (folder / "config.pbtxt").read_text(encoding="utf-8")
        return messages.text_format().Parse(text, messages.model_config().ModelConfig())

    def _files(self, folder: Path) -> list[str]:
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


class ChooseTest(_Case):
    @parameterized.parameters(
        (["python_function", "sklearn"], None, "python_function"),
        (["python_function", "sklearn"], "sklearn", "python_function"),
        (["python_function", "onnx"], None, "python_function"),
        (["python_function", "onnx"], "onnx", "onnx"),
        (["triton"], None, "triton"),
        (["onnx"], None, "onnx"),
    )
    def test_choice(self, kinds: list[str], wanted: str | None, flavor: str) -> None:
        self.assertEqual(flavors.choose(self._model(**{kind: {} for kind in kinds}), wanted), flavor)

    @parameterized.parameters(
        (["sklearn"], None, "the model does not have a flavor that Triton can serve; it has sklearn."),
        (["python_function"], "onnx", "the model does not have the flavor 'onnx'; it has python_function."),
        (["sklearn"], "sklearn", "the model does not have the flavor 'sklearn'"),
    )
    def test_none(self, kinds: list[str], wanted: str | None, text: str) -> None:
        with self.assertRaisesRegex(MlflowException, text):
            flavors.choose(self._model(**{kind: {} for kind in kinds}), wanted)

    def test_no_model(self) -> None:
        with self.assertRaisesRegex(MlflowException, "no MLmodel file in it"):
            flavors.choose(Path(self.create_tempdir().full_path), None)


class PythonFunctionTest(_Case):
    def test_files(self) -> None:
        archive, stub = (self.create_tempfile(content=text).full_path for text in ("env", "stub"))
        model = self._model(python_function={"loader_module": "x"})
        folder = self._laid_out("python_function", model, 3, conda_pack=archive, stub=stub, max_batch_size="8")
        self.assertEqual(
            self._files(folder), ["3/MLmodel", "conda-pack.tar.gz", "config.pbtxt", "triton_python_backend_stub"]
        )
        self.assertEqual((folder / "triton_python_backend_stub").stat().st_mode & 0o777, 0o755)
        config = self._config(folder)
        self.assertEqual((config.name, config.backend, config.max_batch_size), ("m", "mlflow", 8))
        self.assertIn("EXECUTION_ENV_PATH", config.parameters)

    def test_environment_as_a_folder(self) -> None:
        environment = self.create_tempdir()
        environment.create_file("bin/activate")
        model = self._model(python_function={"loader_module": "x"})
        folder = self._laid_out("python_function", model, conda_pack=environment.full_path)
        self.assertIn("env/bin/activate", self._files(folder))

    def test_the_servers_environment(self) -> None:
        config = self._config(self._laid_out("python_function", self._model(python_function={"loader_module": "x"})))
        self.assertNotIn("EXECUTION_ENV_PATH", config.parameters)

    def test_no_signature(self) -> None:
        model = self._model(python_function={})
        (model / "MLmodel").write_text('{"flavors": {"python_function": {}}}', encoding="utf-8")
        with self.assertRaisesRegex(MlflowException, "the model has no signature for its inputs"):
            self._laid_out("python_function", model)


class TritonTest(_Case):
    def test_files(self) -> None:
        model = self._model(triton={"data": "inner"})
        (model / "inner" / "1").mkdir(parents=True)
        (model / "inner" / "1" / "model.py").write_text("", encoding="utf-8")
        (model / "inner" / "config.pbtxt").write_text('name: "inner"\nbackend: "python"\n', encoding="utf-8")
        folder = self._laid_out("triton", model)
        self.assertEqual(self._files(folder), ["1/model.py", "config.pbtxt"])
        self.assertEqual((self._config(folder).name, self._config(folder).backend), ("m", "python"))

    @parameterized.parameters({}, {"data": "nothing"}, {"data": ".."})
    def test_no_data(self, **flavor: str) -> None:
        with self.assertRaisesRegex(MlflowException, "the flavor 'triton' has no folder 'data'"):
            self._laid_out("triton", self._model(triton=flavor))


class OnnxTest(_Case):
    def test_one_file(self) -> None:
        model = self._model(onnx={"data": "net.onnx"})
        (model / "net.onnx").write_bytes(b"onnx")
        folder = self._laid_out("onnx", model, 2)
        self.assertEqual(self._files(folder), ["2/model.onnx", "config.pbtxt"])
        self.assertEqual((self._config(folder).name, self._config(folder).backend), ("m", "onnxruntime"))

    def test_external_weights(self) -> None:
        model = self._model(onnx={"data": "onnx"})
        (model / "onnx").mkdir()
        for name in ("model.onnx", "weights.bin"):
            (model / "onnx" / name).write_bytes(b"x")
        self.assertEqual(self._files(self._laid_out("onnx", model)), ["1/model.onnx", "1/weights.bin", "config.pbtxt"])

    def test_no_data(self) -> None:
        with self.assertRaisesRegex(MlflowException, "the flavor 'onnx' has no 'data'"):
            self._laid_out("onnx", self._model(onnx={}))

    def test_hand_written(self) -> None:
        model = self._model(onnx={"data": "model.onnx"})
        (model / "model.onnx").write_bytes(b"onnx")
        written = self.create_tempfile(content='max_batch_size: 4\nplatform: "onnxruntime_onnx"\n')
        config = self._config(self._laid_out("onnx", model, config=written.full_path))
        self.assertEqual((config.max_batch_size, config.platform, config.backend), (4, "onnxruntime_onnx", ""))


if __name__ == "__main__":
    absltest.main()
