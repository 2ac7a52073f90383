"""Spec 8.5, line 54: models load, unload and look after other models."""

import json
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl.testing import absltest, parameterized

from tests.conformance import harness, repository
from tests.conformance.repository import Model

_FAILED = "Failed to process the request for model 'control_0_0', message: "
_ENSEMBLE = """
platform: "ensemble"
ensemble_scheduling {
  step {
    model_name: "part"
    model_version: -1
    input_map { key: "IN" value: "IN" }
    output_map { key: "OUT" value: "OUT" }
  }
}
"""


def _identity(name: str, **options: Any) -> Model:
    return Model("identity", name, outputs=["OUT INT32 1"], **options)


def _ask(model: str, shape: tuple[int, ...] = (1,)) -> list[Any]:
    return ["ask", {"model": model, "outputs": ["OUT"], "inputs": [["IN", "int32", list(shape), [3]]]}]


def _config(**more: Any) -> str:
    return json.dumps(
        {
            "backend": "python",
            "input": [{"name": "IN", "data_type": "TYPE_INT32", "dims": [1]}],
            "output": [{"name": "OUT", "data_type": "TYPE_INT32", "dims": [1]}],
            "parameters": {"EXECUTION_ENV_PATH": {"string_value": str(harness.environment())}},
            "instance_group": [{"kind": "KIND_CPU"}],
            **more,
        }
    )


class ModelControlTest(harness.ServerTest):
    MODELS = [Model("control"), _identity("identity")]

    def setUp(self) -> None:
        super().setUp()
        self.skip_if_shipped("helper_race")

    @classmethod
    def backends(cls, scratch: Path) -> Sequence[Path]:
        """A Python-based backend that brings its stub, as a model made of files cannot."""
        folder = scratch / "backends" / "checksum"
        folder.mkdir(parents=True)
        repository.write_source(folder / "model.py", Model("checksum"))
        repository.install_stub(harness.stub(), folder)
        utilities = harness.tritonserver().parent.parent / "backends" / "python" / "triton_python_backend_utils.py"
        shutil.copyfile(utilities, folder / utilities.name)
        return [folder]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.add(_identity("plain"))
        cls.add(_identity("part"))
        cls.add(_identity("versions", versions=(1, 3), config="version_policy { all { } }\n"))
        cls.add(Model(name="broken", source="raise ValueError('broken boom')\n"))
        whole = Model(name="whole", outputs=["OUT INT32 1"], environment="", own_stub=False, source="")
        text = repository.config_text(whole, "").replace('backend: "python"', "").partition("instance_group")[0]
        folder = cls.add(whole)
        (folder / "config.pbtxt").write_text(text + _ENSEMBLE, encoding="utf-8")

    def _do(self, *steps: list[Any]) -> list[Any]:
        return list(self.ask("control", steps=json.dumps(steps)))

    def _unloaded(self, *names: str) -> None:
        states = ("UNAVAILABLE", "")  # unknown if there is no folder
        harness.wait_for(lambda: all(self.state(name) in states for name in names), f"unloading {names}")

    def assertAnswer(self, answer: dict[str, Any], value: int, shape: tuple[int, ...] = (1,)) -> None:
        """The answer of the model `identity`."""
        wanted = {"error": None, "code": None, "outputs": {"OUT": ["int32", list(shape), [value]]}}
        self.assertEqual(answer, wanted)

    def test_line_54_plain(self) -> None:
        for _ in range(2):
            results = self._do(["ready", "plain"], ["load", "plain"], ["ready", "plain"], _ask("plain"))
            self.assertEqual(results[:3], [False, None, True])
            self.assertAnswer(results[3], 3)
            self.assertEqual(self.state("plain"), "READY")
            self.assertEqual(self._do(["unload", "plain"], ["ready", "plain"]), [None, False])
            self._unloaded("plain")
            self.assertIn("is not ready", self._do(_ask("plain"))[0]["error"])

    def test_line_54_config(self) -> None:
        """The config goes before the model's own."""
        config = _config(max_batch_size=4)
        results = self._do(["load", "plain", {"config": config}], _ask("plain", (1, 1)), ["unload", "plain"])
        self.assertIsNone(results[0])
        self.assertAnswer(results[1], 3, (1, 1))
        self._unloaded("plain")

    def test_line_54_files(self) -> None:
        """They are the whole of the model's folder. Only one: with several, 24.10 writes wrong contents."""
        content = np.arange(256, dtype=np.uint8).tobytes() * 500
        files = {"file:1/data.bin": content.hex()}
        config = _config(backend="checksum")
        steps: list[list[Any]] = [
            ["load_with_files", "made", config, files],
            ["ready", "made"],
            _ask("made"),
            ["unload", "made"],
        ]
        results = self._do(*steps)
        self.assertEqual(results[:2], [None, True])
        self.assertAnswer(results[2], zlib.crc32(content) >> 1)
        self._unloaded("made")

    @parameterized.parameters("nobody", "broken", "")
    def test_line_54_load_errors(self, name: str) -> None:
        ((kind, got),) = self._do(["load", name])
        self.assertEqual(kind, "TritonModelException")
        self.assertStartsWith(got, f"Failed to load model: {_FAILED}")
        self.assertEqual(self._do(["ready", "identity"]), [True])

    def test_line_54_wrong_config(self) -> None:
        ((kind, got),) = self._do(["load", "plain", {"config": "no JSON"}])
        self.assertEqual(kind, "TritonModelException")
        self.assertStartsWith(got, f"Failed to load model: {_FAILED}")

    def test_line_54_wrong_files(self) -> None:
        wrong = "files should be a dictionary of file paths and file contents"
        results = self._do(["load", "identity", {"files": ["file:1/a"]}])
        self.assertEqual(results, [["TritonModelException", f"failed to load model 'identity', {wrong}"]])
        self.assertIn(self._do(["wrong_files"])[0][0], ("TritonModelException", "TypeError"))

    def test_line_54_unload_unknown(self) -> None:
        """The server says nothing against it."""
        self.assertEqual(self._do(["unload", "nobody"], ["ready", "nobody"]), [None, False])

    def test_line_54_dependents(self) -> None:
        """An ensemble brings its part, and takes it along only if that is said."""
        results = self._do(["load", "whole"], ["ready", "whole"], ["ready", "part"], _ask("whole"), ["unload", "whole"])
        self.assertEqual(results[:3], [None, True, True])
        self.assertAnswer(results[3], 3)
        self._unloaded("whole")
        self.assertEqual(self.state("part"), "READY")
        self.assertEqual(self._do(["load", "whole"], ["unload", "whole", True]), [None, None])
        self._unloaded("whole", "part")

    def test_line_54_ready(self) -> None:
        self.load("versions")
        for version, wanted in (("", True), ("1", True), ("3", True), ("2", False), ("9" * 18, False)):
            self.assertEqual(self._do(["ready", "versions", version]), [wanted], version)
        self.assertEqual(self._do(["ready", "versions"], ["ready", "nobody"]), [True, False])
        for version in ("text", "-1"):
            ((kind, got),) = self._do(["ready", "versions", version])
            self.assertEqual(kind, "TritonModelException")
            self.assertStartsWith(got, f"Failed to check model readiness: {_FAILED}")

    def test_line_54_in_initialize(self) -> None:
        self.serve(Model("control", "early", parameters={"load": "plain"}))
        self.assertEqual(self.ask("early", steps=json.dumps([["ready", "plain"], ["unload", "plain"]])), [True, None])
        self._unloaded("plain")

    def test_line_56_no_leak(self) -> None:
        def hammer() -> int:
            for _ in range(100):
                self._do(["ready", "identity"], ["ready", "nobody", "2"], ["load", "nobody"], ["unload", "nobody"])
            return self.settled(lambda: int(self._do(["free"])[0]))

        self.assertSameFree(hammer(), hammer())


if __name__ == "__main__":
    absltest.main()
