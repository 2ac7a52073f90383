"""The stub as a file: what it needs of the machine it runs on."""

import os
import re
from pathlib import Path

from absl.testing import absltest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from elftools.elf.sections import SymbolTableSection

# Debian 10, RHEL 8: older than any server that is covered.
_NEWEST_GLIBC = (2, 28)
_MOST_BYTES = 4_000_000
_GLIBC_LIBRARIES = {"libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0"}


class BinaryTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.path = Path(os.environ["RUNFILES_DIR"], os.environ["STUB"])
        self.elf = ELFFile(self.enter_context(self.path.open("rb")))
        (self.dynamic,) = (one for one in self.elf.iter_sections() if isinstance(one, DynamicSection))

    def test_size(self) -> None:
        self.assertLessEqual(self.path.stat().st_size, _MOST_BYTES)

    def test_needs_glibc_alone(self) -> None:
        """Neither a C++ runtime nor libpython, which is loaded when the stub already talks with its server."""
        needed = {tag.needed for tag in self.dynamic.iter_tags("DT_NEEDED")}
        self.assertContainsSubset({"libc.so.6"}, needed)
        self.assertEqual({name for name in needed - _GLIBC_LIBRARIES if not name.startswith("ld-linux")}, set())

    def test_old_glibc_is_enough(self) -> None:
        versions = set()
        for section in self.elf.iter_sections():
            if isinstance(section, GNUVerNeedSection):
                versions |= {version.name for _, needed in section.iter_versions() for version in needed}
        numbers = [
            match.groups() for name in versions if (match := re.fullmatch(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?", name))
        ]
        self.assertLen(numbers, len(versions), versions)
        self.assertLessEqual(max((int(major), int(minor)) for major, minor in numbers), _NEWEST_GLIBC)

    def test_no_search_path(self) -> None:
        tags = {tag.entry.d_tag for tag in self.dynamic.iter_tags()}
        self.assertEqual(tags & {"DT_RPATH", "DT_RUNPATH"}, set())

    def test_the_python_api_is_weak(self) -> None:
        """A strong reference would keep the executable from starting without libpython."""
        bindings = {}
        for section in self.elf.iter_sections():
            if isinstance(section, SymbolTableSection):
                for symbol in section.iter_symbols():
                    if symbol["st_shndx"] == "SHN_UNDEF" and symbol.name.startswith(("Py", "_Py")):
                        bindings[symbol.name] = symbol["st_info"]["bind"]
        self.assertGreater(len(bindings), 100)
        self.assertEqual({name for name, bind in bindings.items() if bind != "STB_WEAK"}, set())


if __name__ == "__main__":
    absltest.main()
