"""Spec 8.1, lines 9 and 10: execution environments in every form, Python-based backends with and without a stub."""

import gzip
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from absl.testing import absltest

from tests.conformance import harness, repository
from tests.conformance.repository import Model


class EnvironmentTest(harness.ServerTest):
    def _prefix(self, name: str) -> Path:
        facts = self.ask(name)
        self.assertNotIn(f"{facts['prefix']}/lib", str(facts["library_path"]))
        return Path(facts["prefix"])

    def test_line_10_archives(self) -> None:
        """gzip-compressed and plain tar files are unpacked by the server, and removed in the end."""
        archive = harness.setting("EXECUTION_ENV_ARCHIVE").resolve()
        plain = self.repository.parent / "environment.tar"
        with gzip.open(archive) as packed, plain.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, 1 << 20)
        for name, path in (("packed", archive), ("plain", plain)):
            self.serve(Model("inspect", name, environment=str(path)))
            self.assertRegex(str(self._prefix(name)), r"/python_env_[^/]+/\d+$")

    def test_line_10_relative_keyword(self) -> None:
        model = Model("inspect", "relative", environment="$$TRITON_MODEL_DIRECTORY/environment")
        folder = self.add(model)
        (folder / "environment").symlink_to(harness.environment())
        self.load("relative")
        self.addCleanup(self.unload, "relative")
        self.assertTrue(harness.same_environment(self._prefix("relative"), harness.environment()))

    def test_line_10_no_activate(self) -> None:
        folder = self.repository.parent / "no_activate"
        (folder / "bin").mkdir(parents=True)
        message = self.load_error(Model("inspect", "inactive", environment=str(folder)))
        self.assertIn("activate", message)

    def test_line_10_library_path_of_the_server_is_kept(self) -> None:
        self.serve(Model("inspect"))
        # No colon may be left where the server had no such path.
        self.assertEqual(self.ask("inspect")["library_path"], str(harness.stub_libraries() or ""))


class BackendTest(harness.ServerTest):
    """A Python-based backend: one model.py for all its models."""

    MODELS = [
        # No source of their own: the backend's folder is the runtime's.
        Model(name="with_stub", config='backend: "conformance"\n'),
        Model(name="without_stub", config='backend: "conformance_with_stub"\n', own_stub=False),
    ]

    @classmethod
    def backends(cls, scratch: Path) -> Sequence[Path]:
        result = []
        for name in ("conformance", "conformance_with_stub"):
            folder = scratch / "backends" / name
            folder.mkdir(parents=True)
            repository.write_source(folder / "model.py", Model("inspect"))
            result.append(folder)
        # A stub beside the backend counts only together with the utilities.
        repository.install_stub(harness.setting("STUB"), result[1])
        utilities = harness.tritonserver().parent.parent / "backends" / "python" / "triton_python_backend_utils.py"
        shutil.copyfile(utilities, result[1] / utilities.name)
        return result

    def test_line_9_stub_in_the_model(self) -> None:
        facts = self.ask("with_stub")
        self.assertEqual(facts["name"], "model")
        self.assertEndsWith(facts["file"], "/backends/conformance/model.py")
        self.assertEqual(facts["model_dir"], str(self.repository / "with_stub" / "1"))
        self.assertEqual(facts["executable"], str(self.repository / "with_stub" / repository.STUB))
        self.assertEndsWith(facts["path"][-2], "/backends/conformance")
        self.assertEndsWith(facts["path"][-1], "/backends/python")
        self.assertEqual(json.loads(facts["args"]["model_config"])["backend"], "conformance")

    def test_line_9_stub_in_the_backend(self) -> None:
        facts = self.ask("without_stub")
        self.assertEndsWith(facts["executable"], f"/backends/conformance_with_stub/{repository.STUB}")
        self.assertEndsWith(facts["file"], "/backends/conformance_with_stub/model.py")
        self.assertEndsWith(facts["path"][-1], "/backends/conformance_with_stub")


if __name__ == "__main__":
    absltest.main()
