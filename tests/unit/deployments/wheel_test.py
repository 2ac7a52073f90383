"""The wheel with the entry point."""

from __future__ import annotations

import importlib.metadata
import zipfile
from pathlib import Path

from absl.testing import absltest

from mlflow_backend_utils.wheel import write_wheel


class WheelTest(absltest.TestCase):
    def _wheel(self) -> Path:
        folder = self.create_tempdir()
        modules = [Path(folder.create_file(f"tools/a/{name}").full_path) for name in ("b.py", "__init__.py")]
        output = Path(folder.full_path, "a_b-1.2-py3-none-any.whl")
        contents = write_wheel.files(modules, ["backend", "tools"])
        write_wheel.write(
            output, contents, b"Metadata-Version: 2.1\nName: a-b\nVersion: 1.2\n", b"[mlflow.deployments]\nx = a.b\n"
        )
        return output

    def test_found_where_it_is_unpacked(self) -> None:
        site = self.create_tempdir().full_path
        zipfile.ZipFile(self._wheel()).extractall(site)
        (found,) = importlib.metadata.distributions(path=[site])
        self.assertEqual((found.name, found.version), ("a-b", "1.2"))
        self.assertEqual(
            [(entry.group, entry.name, entry.value) for entry in found.entry_points],
            [("mlflow.deployments", "x", "a.b")],
        )
        files = found.files or []
        self.assertEqual(str(files[0]), "a/__init__.py")
        for file in files:
            self.assertTrue(Path(str(file.locate())).is_file())

    def test_same_bytes(self) -> None:
        self.assertEqual(self._wheel().read_bytes(), self._wheel().read_bytes())

    def test_modules_elsewhere(self) -> None:
        with self.assertRaisesRegex(ValueError, "other/a.py is below none of the roots tools"):
            write_wheel.files([Path("other/a.py")], ["tools"])


if __name__ == "__main__":
    absltest.main()
