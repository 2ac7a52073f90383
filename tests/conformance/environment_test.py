"""Spec 8.1, lines 9 and 10: execution environments in every form, Python-based backends with and without a stub."""

import ctypes.util
import gzip
import json
import shutil
import time
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

    def _environment(self, name: str) -> Path:
        """An environment without anything but an empty `lib`; its `python3` is not there."""
        folder = self.repository.parent / name
        (folder / "bin").mkdir(parents=True)
        (folder / "lib").mkdir()
        (folder / "bin" / "activate").write_text(f"export PATH={folder}/bin:/usr/bin:/bin\n", encoding="utf-8")
        return folder

    def _quick_load_error(self, environment: Path) -> str:
        """The stub says hello before it looks for libpython, so the load fails at once and says what is wrong."""
        start = time.monotonic()
        message = self.load_error(Model("inspect", "broken", environment=str(environment)))
        self.assertLess(time.monotonic() - start, 2)
        return message

    def test_line_3_no_libpython(self) -> None:
        self.skip_if_shipped("missing_libpython")
        environment = self._environment("no_libpython")
        name = harness.libpython().name
        system = ctypes.util._findSoname_ldconfig(name.partition("lib")[2].partition(".so")[0])  # type: ignore[attr-defined]
        if system == name:
            self.skipTest(f"{name} is installed in this machine's library folders: it is found there")
        message = self._quick_load_error(environment)
        self.assertIn(f"Failed to load {name}, for which this triton_python_backend_stub was compiled: ", message)
        self.assertIn(f"LD_LIBRARY_PATH='{environment}/lib:", message)
        self.assertIn("EXECUTION_ENV_PATH", message)

    def test_line_3_broken_libpython(self) -> None:
        self.skip_if_shipped("missing_libpython")
        environment = self._environment("broken_libpython")
        library = environment / "lib" / harness.libpython().name
        library.write_text("no library", encoding="utf-8")
        self.assertIn(f"Failed to load {library}: ", self._quick_load_error(environment))

    def test_line_3_libpython_beside_python(self) -> None:
        """An environment whose `lib` the loader is not told of, as with a virtual environment, is found by PATH."""
        self.skip_if_shipped("python_of_path")
        linked = self.repository.parent / "linked"
        (linked / "bin").mkdir(parents=True)
        (linked / "bin" / "activate").write_text(f"export PATH={harness.environment()}/bin:$PATH\n", encoding="utf-8")
        self.serve(Model("inspect", "beside", environment=str(linked)))
        self.assertTrue(harness.same_environment(self.ask("beside")["prefix"], harness.environment()))

    def test_line_10_library_path_of_the_server_is_kept(self) -> None:
        self.serve(Model("inspect"))
        # No colon may be left where the server had no such path.
        self.assertEqual(self.ask("inspect")["library_path"], str(harness.stub_libraries() or ""))


@harness.needs_release("24.04", "Python-based backends (24.03 has them, and crashes with any stub)")
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
        repository.install_stub(harness.stub(), result[1])
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
