"""Where interpreters are looked for, in which order, and why one is not usable."""

import os
import sys
from pathlib import Path

from absl.testing import absltest

from third_party.python import elf

sys.path.insert(0, os.path.dirname(elf.__file__))

import find_python  # noqa: E402

_SERIES = "{}.{}".format(*sys.version_info[:2])
_PROGRAM = os.path.realpath(sys.executable)


class FindPythonTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)
        self.environ = {"HOME": str(self.folder / "home"), "PATH": ""}

    def install(self, folder: str, *, headers: bool = True) -> Path:
        """Something that looks like an installation of the Python that runs the test."""
        prefix = self.folder / folder
        (prefix / "bin").mkdir(parents=True)
        os.symlink(_PROGRAM, prefix / "bin" / f"python{_SERIES}")
        (prefix / "lib" / f"python{_SERIES}").mkdir(parents=True)
        (prefix / "lib" / f"python{_SERIES}" / "os.py").write_text("")
        (prefix / "lib" / f"libpython{_SERIES}.so.1.0").write_text("")
        if headers:
            (prefix / "include" / f"python{_SERIES}").mkdir(parents=True)
            (prefix / "include" / f"python{_SERIES}" / "Python.h").write_text("")
        return prefix

    def find(self) -> list[find_python.Candidate]:
        return find_python.candidates(_SERIES, self.environ)

    def test_order(self) -> None:
        root = self.install(f"root/versions/{_SERIES}.1")
        older = self.install(f"home/.pyenv/versions/{_SERIES}.9")
        newer = self.install(f"home/.pyenv/versions/{_SERIES}.10")
        uv = self.install(f"home/.local/share/uv/python/cpython-{_SERIES}.2-linux-x86_64-gnu")
        shims = self.install(f"tool/versions/{_SERIES}.3")
        self.install("home/.pyenv/versions/3.1.1")
        self.environ |= {"PYENV_ROOT": str(self.folder / "root"), "PATH": str(self.folder / "tool" / "shims")}
        prefixes = [candidate.prefix for candidate in self.find() if candidate.usable]
        self.assertEqual(prefixes[:5], [str(path) for path in (root, newer, older, shims, uv)])

    def test_path(self) -> None:
        self.environ["PATH"] = str(self.install("somewhere") / "bin")
        (found,) = [c for c in self.find() if c.source == f"python{_SERIES} on PATH"]
        self.assertEqual(found.prefix, os.path.realpath(os.path.dirname(os.path.dirname(_PROGRAM))))

    def test_what_was_looked_at_is_told(self) -> None:
        self.install(f"home/.pyenv/versions/{_SERIES}.1", headers=False)
        found = {candidate.prefix: candidate for candidate in self.find()}
        unusable = found[str(self.folder / f"home/.pyenv/versions/{_SERIES}.1")]
        self.assertFalse(unusable.usable)
        self.assertEqual(unusable.version, "{}.{}.{}".format(*sys.version_info[:3]))
        self.assertEqual(unusable.reason, f"lacks the C headers (include/python{_SERIES}/Python.h)")
        self.assertEqual(found[str(self.folder / "home/.local/share/uv/python")].reason, "there is no such folder")
        self.assertEqual(found[f"python{_SERIES}"].reason, "there is no such command")

    def test_named_by_the_user(self) -> None:
        self.install(f"home/.pyenv/versions/{_SERIES}.1")
        chosen = self.install("chosen")
        variable = find_python.variable(_SERIES)
        self.environ[variable] = str(chosen)
        (found,) = self.find()
        self.assertEqual((found.prefix, found.source, found.usable), (str(chosen), "$" + variable, True))
        self.environ[variable] = str(self.folder / "nowhere")
        (found,) = self.find()
        self.assertEqual((found.usable, found.reason), (False, "is neither a folder nor a Python that runs"))

    def test_wrong_version_in_a_folder(self) -> None:
        found = find_python.examine(str(self.install("other")), "3.1", "test")
        self.assertEqual((found.usable, found.reason), (False, "has no bin/python3.1"))

    def test_usage(self) -> None:
        self.assertEqual(find_python.main(["3"]), 2)
        self.assertEqual(find_python.main([]), 2)


if __name__ == "__main__":
    absltest.main()
