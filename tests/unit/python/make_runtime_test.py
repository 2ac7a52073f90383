"""Runtimes copied from an interpreter: what is in them, that bytes repeat, and what is said of unusable ones."""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from absl.testing import absltest

from third_party.python import elf

_SERIES = "{}.{}".format(*sys.version_info[:2])
_PROGRAM = Path(os.path.realpath(sys.executable))
_LIBRARY = _PROGRAM.parent.parent / "lib" / f"libpython{_SERIES}.so.1.0"
_TOOL = Path(elf.__file__).with_name("make_runtime.py")


def contents(folder: Path) -> dict[str, object]:
    """Target of each link, mode and bytes of each file below `folder`."""
    found: dict[str, object] = {}
    for path in folder.rglob("*"):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = os.readlink(path)
        elif path.is_file():
            found[str(path.relative_to(folder))] = (path.stat().st_mode, path.read_bytes())
    return found


class MakeRuntimeTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)
        self.prefix = self.folder / "home" / "somebody" / "versions" / "3.x"
        stdlib = self.prefix / "lib" / f"python{_SERIES}"
        for name in ("json/__init__.py", "test/test_x.py", "tkinter/__init__.py", "site-packages/pip.py", "turtle.py"):
            (stdlib / name).parent.mkdir(parents=True, exist_ok=True)
            (stdlib / name).write_text("")
        (stdlib / "os.py").write_text("")
        (stdlib / "_sysconfigdata.py").write_text(f"prefix = '{self.prefix}'\n")
        (stdlib / "site.py").write_text("dist-packages")
        (stdlib / "lib-dynload").mkdir()
        for name in ("_ssl", "_tkinter", "nis", "_testcapi"):
            shutil.copyfile(_LIBRARY, stdlib / "lib-dynload" / f"{name}.so")
        (self.prefix / "bin").mkdir()
        os.symlink(_PROGRAM, self.prefix / "bin" / f"python{_SERIES}")
        shutil.copyfile(_LIBRARY, self.prefix / "lib" / _LIBRARY.name)
        (self.prefix / "include" / f"python{_SERIES}").mkdir(parents=True)
        (self.prefix / "include" / f"python{_SERIES}" / "Python.h").write_text("#define PY\n")

    def run_tool(self, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([sys.executable, "-B", _TOOL, *arguments], capture_output=True, text=True)

    def test_content(self) -> None:
        done = self.run_tool(self.prefix, self.folder / "out")
        self.assertEqual(done.returncode, 0, done.stderr)
        facts = json.loads(done.stdout)
        self.assertEqual((facts["version"], facts["series"]), ("{}.{}.{}".format(*sys.version_info[:3]), _SERIES))
        found = contents(self.folder / "out")
        lib = f"lib/python{_SERIES}"
        own = {name for name in found if name.startswith(lib + "/")}
        self.assertEqual(
            own,
            {
                f"{lib}/{name}"
                for name in (
                    "_sysconfigdata.py",
                    "json/__init__.py",
                    "lib-dynload/_ssl.so",
                    "os.py",
                    "site.py",
                    "site-packages/README.txt",
                )
            },
        )
        self.assertEqual(found["bin/python3"], f"python{_SERIES}")
        self.assertEqual(found[f"lib/libpython{_SERIES}.so"], _LIBRARY.name)
        self.assertIn(f"include/python{_SERIES}/Python.h", found)
        self.assertIn("lib/python3/dist-packages/site-packages.pth", found)
        symbols = (self.folder / "out" / "symbols.txt").read_text().splitlines()
        self.assertContainsSubset(["function Py_Initialize", "object PyExc_ValueError"], symbols)
        program = elf.dynamic((self.folder / "out" / "bin" / "python3").read_bytes())
        assert program
        self.assertEqual(program.runpath, "$ORIGIN/../lib")

    def test_bytes_repeat_wherever_they_are_written_and_name_no_folder(self) -> None:
        results = []
        for name in ("a", "some/where/else"):
            self.assertEqual(self.run_tool(self.prefix, self.folder / name).returncode, 0)
            results.append(contents(self.folder / name))
        self.assertEqual(results[0], results[1])
        for name, content in results[0].items():
            self.assertNotIn(b"somebody", content[1] if isinstance(content, tuple) else b"", name)

    def test_programs_of_the_build_compile_no_standard_library(self) -> None:
        """The interpreter of this test is such a runtime."""
        self.assertTrue(os.path.exists(argparse.__cached__))

    def test_a_c_library_of_its_own(self) -> None:
        """The interpreter is started by a script, with that library and without a word of it in the environment."""
        libc = self.folder / "libc"
        libc.mkdir()
        for name in ("ld-linux-x86-64.so.2", "libc.so.6"):
            shutil.copyfile(_LIBRARY, libc / name)
        done = self.run_tool(self.prefix, self.folder / "out", "--libc", libc, "--program", _PROGRAM)
        self.assertEqual(done.returncode, 0, done.stderr)
        out = self.folder / "out"
        self.assertEqual(sorted(path.name for path in (out / "lib" / "glibc").iterdir()), sorted(os.listdir(libc)))
        loader = out / "bin" / "ld.so"
        self.assertTrue(os.access(loader, os.X_OK))
        loader.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
        program = out / "bin" / "python3"
        elsewhere = self.folder / "link"
        elsewhere.symlink_to(program)
        said = subprocess.run([elsewhere, "-c", "a b"], capture_output=True, text=True, check=True).stdout.splitlines()
        folder = str(out / "bin")
        paths = f"{folder}/../lib/glibc:{folder}/../lib"
        wanted = ["--argv0", str(elsewhere), "--library-path", paths, f"{folder}/python{_SERIES}.elf", "-c", "a b"]
        self.assertEqual(said, wanted)
        self.assertTrue(elf.is_elf((out / "bin" / f"python{_SERIES}.elf").read_bytes()))
        done = self.run_tool(self.prefix, self.folder / "other", "--libc", libc)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--libc and --program go together", done.stderr)

    def test_unusable_prefixes(self) -> None:
        cases = (
            (lambda: (self.prefix / "lib" / _LIBRARY.name).unlink(), "lacks the shared library"),
            (lambda: shutil.rmtree(self.prefix / "include"), "lacks the shared library .*; the C headers"),
            (lambda: shutil.rmtree(self.prefix / "bin"), "no bin/python3.X"),
        )
        for spoil, words in cases:
            spoil()
            done = self.run_tool(self.prefix, self.folder / "out")
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, f"^make_runtime: .*{words}")
            self.assertEqual(done.stderr.count("\n"), 1)

    def test_two_interpreters(self) -> None:
        os.symlink(_PROGRAM, self.prefix / "bin" / "python3.99")
        done = self.run_tool(self.prefix, self.folder / "out")
        self.assertRegex(done.stderr, r"several interpreters \(.*3\.99.*\); choose with --series")
        self.assertEqual(self.run_tool(self.prefix, self.folder / "out", "--series", _SERIES).returncode, 0)

    def test_program_that_does_not_run(self) -> None:
        program = self.prefix / "bin" / f"python{_SERIES}"
        program.unlink()
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o755)
        done = self.run_tool(self.prefix, self.folder / "out")
        self.assertRegex(done.stderr, "does not run")


if __name__ == "__main__":
    absltest.main()
