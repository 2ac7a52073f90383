"""ELF editing, on the interpreter that runs the test: facts agree with pyelftools, and what was edited still runs."""

import io
import os
import subprocess
import sys
from pathlib import Path

from absl.testing import absltest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile

from third_party.python import elf

_SERIES = "{}.{}".format(*sys.version_info[:2])
_PROGRAM = Path(os.path.realpath(sys.executable))
_LIBRARY = _PROGRAM.parent.parent / "lib" / f"libpython{_SERIES}.so.1.0"


def tags(data: bytes) -> list[tuple[str, object]]:
    """Dynamic entries as pyelftools reads them."""
    section = next(s for s in ELFFile(io.BytesIO(data)).iter_sections() if isinstance(s, DynamicSection))
    names = {"DT_NEEDED": "needed", "DT_SONAME": "soname", "DT_RPATH": "rpath", "DT_RUNPATH": "runpath"}
    return [(t.entry.d_tag, getattr(t, names[t.entry.d_tag])) for t in section.iter_tags() if t.entry.d_tag in names]


class ElfTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.program = _PROGRAM.read_bytes()
        self.library = _LIBRARY.read_bytes()
        self.folder = Path(self.create_tempdir().full_path)

    def runs(self, program: bytes) -> bool:
        path = self.folder / "bin" / "python3"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(program)
        path.chmod(0o755)
        environ = {"PYTHONHOME": str(_PROGRAM.parent.parent)}
        done = subprocess.run([path, "-c", "print(6 * 7)"], env=environ, capture_output=True, text=True)
        return done.stdout == "42\n"

    def test_facts(self) -> None:
        for data in (self.program, self.library):
            found = elf.dynamic(data)
            assert found
            wanted = tags(data)
            self.assertEqual(found.needed, [value for tag, value in wanted if tag == "DT_NEEDED"])
            self.assertEqual([found.soname] if found.soname else [], [v for tag, v in wanted if tag == "DT_SONAME"])

    def test_text_is_no_elf_file(self) -> None:
        self.assertFalse(elf.is_elf(b"#!/bin/sh"))
        self.assertIsNone(elf.dynamic(b"#!/bin/sh"))
        self.assertEqual(elf.strip(b"#!/bin/sh"), b"#!/bin/sh")
        self.assertEqual(elf.set_runpath(b"#!/bin/sh", "/x"), b"#!/bin/sh")

    def test_short_path_is_overwritten_in_place(self) -> None:
        data = elf.set_runpath(self.program, "/a/long/enough/path/to/be/shortened/afterwards")
        edited = elf.set_runpath(data, "$ORIGIN")
        self.assertLen(edited, len(data))
        self.assertIn(("DT_RUNPATH", "$ORIGIN"), tags(edited))
        self.assertNotIn(b"/a/long/enough", edited)

    def test_long_path_gets_a_segment_of_its_own_and_runs(self) -> None:
        path = ":".join([str(_LIBRARY.parent)] + [f"/nowhere/{i}" for i in range(200)])
        edited = elf.set_runpath(elf.strip(self.program), path, inherited=True)
        self.assertIn(("DT_RPATH", path), tags(edited))
        self.assertEqual(elf.dynamic(edited).runpath, path)
        self.assertTrue(self.runs(edited))
        again = elf.set_runpath(edited, str(_LIBRARY.parent), inherited=True)
        self.assertTrue(self.runs(again))

    def test_strip(self) -> None:
        stripped = elf.strip(self.library)
        self.assertLessEqual(len(stripped), len(self.library))
        self.assertEqual(elf.strip(stripped), stripped)
        self.assertEqual(list(elf.exported_symbols(stripped)), list(elf.exported_symbols(self.library)))
        self.assertEqual(elf.dynamic(stripped), elf.dynamic(self.library))
        names = {section.name for section in ELFFile(io.BytesIO(stripped)).iter_sections()}
        self.assertContainsSubset({".dynsym", ".text", ".dynamic"}, names)
        self.assertNoCommonElements({".symtab", ".debug_info"}, names)

    def test_symbols(self) -> None:
        symbols = {name: kind for kind, name in elf.exported_symbols(self.library)}
        self.assertEqual(symbols["Py_InitializeFromConfig"], "function")
        self.assertEqual(symbols["PyExc_ValueError"], "object")
        self.assertNotIn("malloc", symbols)


if __name__ == "__main__":
    absltest.main()
