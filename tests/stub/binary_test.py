"""The stub as a file: what it needs of the machine it runs on.

Environment: STUB, the stub; CPU, the one that it is for; EMULATOR, files of //third_party/qemu, if that is another one;
PROGRAMS, other tests of the stub compiled for that CPU.
"""

import os
import platform
import re
import subprocess
from pathlib import Path

from absl.testing import absltest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from elftools.elf.sections import SymbolTableSection

from tests.runfiles import runfiles

# Debian 10, RHEL 8: older than any server that is covered.
_NEWEST_GLIBC = (2, 28)
_MOST_BYTES = 4_000_000
_MACHINES = {"aarch64": "EM_AARCH64", "x86_64": "EM_X86_64"}
_GLIBC_LIBRARIES = {"libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0"}


class BinaryTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.path,) = runfiles.paths("STUB")
        self.elf = ELFFile(self.enter_context(self.path.open("rb")))
        (self.dynamic,) = (one for one in self.elf.iter_sections() if isinstance(one, DynamicSection))

    def _emulator(self) -> list[str]:
        """What starts a program for CPU on this machine."""
        if platform.machine() == os.environ["CPU"]:
            return []
        files = {path.name: path for path in runfiles.paths("EMULATOR")}
        if "reason" in files:
            self.skipTest(files["reason"].read_text(encoding="utf-8"))
        if "qemu-aarch64-static" not in files:
            self.skipTest(f"nothing here starts programs for {os.environ['CPU']}")
        # QEMU keeps a table of the pages that a program reserves, and the region reserves a TiB: here it gets less.
        limit = ["-R", "8G"]
        return [str(files["qemu-aarch64-static"]), *limit, "-L", str(files["libc.so.6"].parent.parent)]

    def test_cpu(self) -> None:
        self.assertEqual(self.elf.header["e_machine"], _MACHINES[os.environ["CPU"]])

    def test_trial_run(self) -> None:
        """Without arguments, as servers start it to see whether it can run: status 1, with or without a libpython."""
        done = subprocess.run([*self._emulator(), self.path], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr), (1, ""))

    def test_programs(self) -> None:
        """The structures of the region, its allocator and its queues, on that CPU."""
        for program in runfiles.paths("PROGRAMS"):
            # One process a test: mappings of the region stay until a process ends, and addresses are few here.
            for name in self._run(program, "--list_content").stderr.replace("*", "").split():
                with self.subTest(program=program.name, name=name):
                    done = self._run(program, f"--run_test={name}")
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def _run(self, program: Path, *args: str) -> subprocess.CompletedProcess[str]:
        command = [*self._emulator(), program, *args]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

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
