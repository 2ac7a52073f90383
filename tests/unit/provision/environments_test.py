"""Requirements are locked once and locks packed once; what does so is stood in for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from unittest import mock

from absl.testing import absltest

from mlflow_backend_utils.env import resolve
from mlflow_backend_utils.messages.errors import BuildError, InputError
from mlflow_backend_utils.provision import environments, packing

_LOCK = "numpy==2.0 --hash=sha256:" + "0" * 64 + "\n"


class EnvironmentsTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)
        self.environ = {"HOME": str(self.folder)}
        self.runtime = self.folder / "runtime"
        (self.runtime / "bin").mkdir(parents=True)
        (self.runtime / "bin" / "python3").symlink_to(sys.executable)
        self.version = ".".join(map(str, sys.version_info[:3]))
        self.compiled: list[str] = []
        self.packed: list[Path] = []
        self.enter_context(mock.patch.object(resolve, "compile_lock", self._compile))
        self.enter_context(mock.patch.object(packing, "pack_environment", self._pack))

    def _compile(self, source: Path, out: Path, python_version: str) -> None:
        self.assertEqual(python_version, self.version)
        self.compiled.append(source.read_text())
        if "none" in source.read_text():
            raise resolve.ResolveError("no set of wheels")
        out.write_text(_LOCK)

    def _pack(self, runtime: Path, full: str, lock: Path, platform: str, **outputs: Any) -> None:
        self.assertEqual((runtime, full), (self.runtime, self.version))
        self.packed.append(lock)
        outputs["out_folder"].mkdir()

    def test_once(self) -> None:
        found = {environments.of_requirements("numpy\n", self.runtime, self.environ) for _ in range(3)}
        self.assertLen(found, 1)
        self.assertEqual(self.compiled, ["numpy\n"])
        self.assertLen(self.packed, 1)
        # The same lock from others is the same environment.
        self.assertEqual(environments.of_requirements("numpy>1\n", self.runtime, self.environ), found.pop())
        self.assertLen(self.packed, 1)

    def test_failures(self) -> None:
        with self.assertRaisesRegex(BuildError, "no set of wheels"):
            environments.of_requirements("none\n", self.runtime, self.environ)
        wrong = self.folder / "wrong.lock"
        wrong.write_text("numpy==2.0\n")
        with self.assertRaisesRegex(InputError, "wrong.lock:1: .*no --hash"):
            environments.of_lock(wrong, self.runtime, self.environ)
        (self.runtime / "bin" / "python3").unlink()
        (self.runtime / "bin" / "python3").symlink_to("/bin/false")
        with self.assertRaisesRegex(BuildError, "does not start"):
            environments.of_requirements("numpy\n", self.runtime, self.environ)


if __name__ == "__main__":
    absltest.main()
