"""Environments: the same bytes every time, readable, usable; inputs that do not go together are refused."""

import hashlib
import os
import stat
import subprocess
import tarfile
from pathlib import Path

from absl.testing import absltest, parameterized

from mlflow_backend_utils.env import distributions, packer, site_packages
from tests.unit.env import fixtures

_SITE = f"lib/python{fixtures.SERIES}/site-packages"
_TAG = f"cpython-{fixtures.SERIES.replace('.', '')}"


class PackerTest(parameterized.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)
        self.runtime = fixtures.runtime(self.folder / "runtime")
        self.wheels = [
            fixtures.wheel(
                self.folder,
                "a",
                {
                    "a/__init__.py": "NAMES = {'x', 'y', 'z'}\ndef main():\n    return 0\n",
                    "a/template.py": "this is no Python {{",
                    "a/tests/test_a.py": "",
                    "a-1.0.dist-info/entry_points.txt": "[console_scripts]\na-tool = a:main\n",
                    "a-1.0.data/scripts/a-script": "#!python\nprint('script')\n",
                    "a-1.0.data/data/share/a.txt": "data",
                },
            ),
            fixtures.wheel(self.folder, "b", {"b.py": "B = 1\n", "shared.py": "S = 1\n"}),
            fixtures.wheel(self.folder, "c", {"shared.py": "S = 1\n"}),
        ]
        self.conda_pack = fixtures.conda_pack(self.folder)

    def pack(self, name: str, **options: object) -> Path:
        out = self.folder / name
        settings = {"out": str(out), "pyc": "unchecked", "conda_pack_wheel": self.conda_pack, **options}
        packer.pack(self.runtime, self.wheels, **settings)  # type: ignore[arg-type]
        return out

    def test_same_bytes_whatever_the_threads_folder_and_order(self) -> None:
        digests = {hashlib.sha256(self.pack("1.tar.gz", threads=1).read_bytes()).hexdigest()}
        before = os.getcwd()
        try:
            os.chdir("/")
            self.wheels.reverse()
            digests.add(hashlib.sha256(self.pack("2.tar.gz", threads=3).read_bytes()).hexdigest())
        finally:
            os.chdir(before)
        os.environ["PYTHONHASHSEED"] = "7"
        try:
            digests.add(hashlib.sha256(self.pack("3.tar.gz", threads=2).read_bytes()).hexdigest())
        finally:
            del os.environ["PYTHONHASHSEED"]
        self.assertLen(digests, 1)

    def test_members(self) -> None:
        with tarfile.open(self.pack("env.tar.gz")) as tar:
            members = {member.name: member for member in tar.getmembers()}
        for name in (
            "bin/a-script",
            "bin/a-tool",
            "bin/activate",
            "bin/conda-unpack",
            f"bin/python{fixtures.SERIES}",
            "conda-meta/history",
            f"lib/python{fixtures.SERIES}/hello.py",
            f"lib/python{fixtures.SERIES}/__pycache__/hello.{_TAG}.pyc",
            f"{_SITE}/a/__init__.py",
            f"{_SITE}/a/__pycache__/__init__.{_TAG}.pyc",
            f"{_SITE}/a-1.0.dist-info/INSTALLER",
            f"{_SITE}/shared.py",
            "share/a.txt",
        ):
            self.assertIn(name, members)
        self.assertNotIn(f"{_SITE}/a/__pycache__/template.{_TAG}.pyc", members)
        self.assertNotIn(f"lib/libpython{fixtures.SERIES}.so", members)
        self.assertNotIn("include/Python.h", members)
        self.assertEqual(members["bin/python3"].linkname, f"python{fixtures.SERIES}")
        self.assertEqual({m.mtime for m in members.values()}, {315532800})
        self.assertEqual({(m.uid, m.gid, m.uname, m.gname) for m in members.values()}, {(0, 0, "root", "root")})
        self.assertEqual({m.mode for m in members.values() if m.isfile()}, {0o644, 0o755})
        self.assertEqual(members["bin/conda-unpack"].mode, 0o755)
        self.assertNotIn(os.fspath(self.folder).encode(), self.pack("plain.tar.gz", level=0).read_bytes())

    def test_unpacked_programs_run(self) -> None:
        target = self.folder / "unpacked"
        with tarfile.open(self.pack("env.tar.gz", pyc="none")) as tar:
            tar.extractall(target, filter="tar")
        # The small runtime has no standard library: let the test's own interpreter stand in for its copy.
        for name in ("python", "python3"):
            (target / "bin" / name).unlink()
            os.symlink(os.path.realpath(Path(self.runtime, "bin", "python3")), target / "bin" / name)
        for program, printed in (("a-script", "script"), ("conda-unpack", "conda-unpack 0.9.2")):
            done = subprocess.run([target / "bin" / program], capture_output=True, text=True, env={"PATH": os.defpath})
            self.assertEqual((done.stdout.strip(), done.returncode), (printed, 0), done.stderr)

    def test_folder_holds_the_same_without_links(self) -> None:
        out = self.folder / "env"
        archive = self.pack("env.tar.gz", out_dir=str(out))
        with tarfile.open(archive) as tar:
            for member in tar.getmembers():
                path = out / member.name
                self.assertFalse(path.is_symlink(), member.name)
                if member.isfile():
                    file = tar.extractfile(member)
                    assert file
                    self.assertEqual(path.read_bytes(), file.read())
                    self.assertEqual(stat.S_IMODE(path.stat().st_mode), member.mode)
        python = out / "bin" / "python3"
        self.assertEqual(python.read_bytes(), (out / "bin" / f"python{fixtures.SERIES}").read_bytes())

    def test_bundled_openmp_gets_its_real_name_where_it_is_needed(self) -> None:
        bundled = fixtures.wheel(self.folder, "bundled", {"bundled.libs/libgomp-e985bcbb.so.1.0.0": b"openmp"})
        needing = {"n/lib_n.so": b"\x7fELF \0libgomp.so.1\0 \0libc.so.6\0"}
        self.wheels.append(bundled)
        with tarfile.open(self.pack("unneeded.tar.gz")) as tar:
            self.assertNotIn("lib/libgomp.so.1", tar.getnames())
        self.wheels.append(fixtures.wheel(self.folder, "n", needing))
        with tarfile.open(self.pack("env.tar.gz")) as tar:
            link = tar.extractfile("lib/libgomp.so.1")
            assert link
            self.assertEqual(link.read(), b"openmp")
        self.wheels.remove(bundled)
        with tarfile.open(self.pack("none.tar.gz")) as tar:
            self.assertNotIn("lib/libgomp.so.1", tar.getnames())

    def test_exclude(self) -> None:
        with tarfile.open(self.pack("env.tar.gz", exclude=["*/tests/*"])) as tar:
            self.assertFalse([name for name in tar.getnames() if "/tests/" in name])

    def test_different_content_is_an_error(self) -> None:
        self.wheels.append(fixtures.wheel(self.folder, "d", {"shared.py": "S = 2\n"}))
        with self.assertRaisesRegex(site_packages.WheelError, "shared.py comes from b-1.0.* and from d-1.0.*different"):
            self.pack("env.tar.gz")

    def test_no_runtime(self) -> None:
        with self.assertRaisesRegex(packer.PackError, "no Python runtime: lib/python3.X is missing"):
            packer.pack(str(self.folder), [], out=str(self.folder / "x.tar.gz"))

    def test_nothing_to_write(self) -> None:
        with self.assertRaisesRegex(packer.PackError, "nothing to write: give --out"):
            packer.pack(self.runtime, [])

    def test_wheel_without_metadata(self) -> None:
        path = Path(fixtures.wheel(self.folder, "e", {}))
        import zipfile

        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("e.py", "")
        self.wheels.append(str(path))
        with self.assertRaisesRegex(packer.PackError, "e-1.0-.*: no wheel: it has no .dist-info"):
            self.pack("env.tar.gz")

    def test_distributions(self) -> None:
        self.assertEqual(distributions.of_wheels(self.wheels), {"a": "1.0", "b": "1.0", "c": "1.0"})


if __name__ == "__main__":
    absltest.main()
