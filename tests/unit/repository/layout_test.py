"""Model folders: what lies where with which mode."""

import os
import stat
from pathlib import Path

from absl.testing import absltest, parameterized

from mlflow_backend_utils.repository import layout


def modes(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): oct(stat.S_IMODE(p.lstat().st_mode)) for p in folder.rglob("*")}


class LayoutTest(parameterized.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)
        (self.folder / "config").write_text('backend: "mlflow"\n')
        (self.folder / "stub").write_bytes(b"\x7fELF")
        (self.folder / "stub").chmod(0o444)
        (self.folder / "env.tar.gz").write_bytes(b"gz")
        model = self.folder / "model" / "code"
        model.mkdir(parents=True)
        (model.parent / "MLmodel").write_text("flavors: {}\n")
        (model.parent / "MLmodel").chmod(0o555)
        (model / "x.py").write_text("")
        os.symlink(self.folder / "stub", model / "link")

    def assemble(self, **options: object) -> Path:
        out = self.folder / "out"
        parts = {"stub": str(self.folder / "stub"), "env": "", "versions": {1: str(self.folder / "model")}, **options}
        layout.assemble(str(self.folder / "config"), out=str(out), **parts)  # type: ignore[arg-type]
        return out

    def test_archive(self) -> None:
        out = self.assemble(env=str(self.folder / "env.tar.gz"))
        self.assertEqual(
            modes(out),
            {
                "config.pbtxt": "0o644",
                "triton_python_backend_stub": "0o755",
                "conda-pack.tar.gz": "0o644",
                "1": "0o755",
                "1/MLmodel": "0o644",
                "1/code": "0o755",
                "1/code/x.py": "0o644",
                "1/code/link": "0o644",
            },
        )
        self.assertFalse((out / "1/code/link").is_symlink())

    def test_folder_and_versions(self) -> None:
        env = self.folder / "environment" / "bin"
        env.mkdir(parents=True)
        (env / "python3").write_text("")
        (env / "python3").chmod(0o755)
        (env / "activate").write_text("")
        versions = {2: str(self.folder / "model"), 10: str(self.folder / "model")}
        found = modes(self.assemble(env=str(env.parent), versions=versions, stub=""))
        self.assertEqual(found["env/bin/python3"], "0o755")
        self.assertEqual(found["env/bin/activate"], "0o644")
        self.assertContainsSubset({"2/MLmodel", "10/MLmodel"}, found)
        self.assertNotIn("triton_python_backend_stub", found)

    @parameterized.parameters(
        (["0=a"], "version '0=a' is not N=FOLDER"),
        (["01=a"], "version '01=a' is not N=FOLDER"),
        (["1"], "version '1' is not N=FOLDER"),
        (["1=a", "1=b"], "version 1 is given twice: a and b"),
        ([], "no version: give at least one"),
    )
    def test_bad_versions(self, values: list[str], words: str) -> None:
        with self.assertRaisesRegex(layout.AssembleError, words):
            layout.parse_versions(values)

    def test_versions(self) -> None:
        self.assertEqual(layout.parse_versions(["3=a=b", "12=c"]), {3: "a=b", 12: "c"})

    def test_missing_parts(self) -> None:
        with self.assertRaisesRegex(layout.AssembleError, "the stub nowhere does not exist"):
            self.assemble(stub="nowhere")
        with self.assertRaisesRegex(layout.AssembleError, "version 1: nowhere is no folder"):
            self.assemble(versions={1: "nowhere"})


if __name__ == "__main__":
    absltest.main()
