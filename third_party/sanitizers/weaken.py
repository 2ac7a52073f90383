"""Make GNU's C++ library fit to be linked beside LLVM's, in place.

usage: weaken.py libstdc++.a

libFuzzer uses GNU's C++ library, all the rest LLVM's. What both define is taken from LLVM's: exceptions work only if
one of them throws, and the linker refuses two definitions unless one is weak. So the members that throw, catch and
allocate go, and every symbol that the others define becomes a weak one.
"""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

_MAGIC = b"!<arch>\n"
_HEADER = 60
_SECTION_SYMTAB = 2
_SYMBOL = struct.Struct("<IBBHQQ")
_GLOBAL, _WEAK = 1, 2
# The objects of libsupc++ that throw, catch and allocate.
_DROPPED = re.compile(r"(eh_(?!exception)|new_op|new_handler|del_op).*\.o")


def members(archive: bytes) -> Iterator[tuple[str, bytes, bytearray]]:
    """Name, header and content of each member, without the index, which linkers can do without."""
    if not archive.startswith(_MAGIC):
        raise SystemExit("not an archive: it must start with '!<arch>'")
    names = b""
    at = len(_MAGIC)
    while at < len(archive):
        header = archive[at : at + _HEADER]
        size = int(header[48:58])
        content = archive[at + _HEADER : at + _HEADER + size]
        at += _HEADER + size + size % 2
        name = header[:16].decode().rstrip()
        if name == "//":
            names = content
        elif name == "/":
            continue
        elif name.startswith("/"):
            name = names[int(name[1:]) :].partition(b"/\n")[0].decode()
        yield name.rstrip("/") or name, header, bytearray(content)


def weaken(object_file: bytearray) -> None:
    """Weakens what a 64-bit ELF object defines."""
    (sections,) = struct.unpack_from("<Q", object_file, 40)
    size, count = struct.unpack_from("<HH", object_file, 58)
    if count == 0:  # more than 65,279: the first section says how many
        (count,) = struct.unpack_from("<Q", object_file, sections + 32)
    for header in range(sections, sections + size * count, size):
        (kind,) = struct.unpack_from("<I", object_file, header + 4)
        if kind != _SECTION_SYMTAB:
            continue
        offset, length = struct.unpack_from("<QQ", object_file, header + 24)
        for at in range(offset, offset + length, _SYMBOL.size):
            _, info, _, section, _, _ = _SYMBOL.unpack_from(object_file, at)
            if info >> 4 == _GLOBAL and section != 0:
                object_file[at + 4] = _WEAK << 4 | info & 15


def main() -> None:
    path = Path(sys.argv[1])
    result = bytearray(_MAGIC)
    for name, header, content in members(path.read_bytes()):
        if _DROPPED.fullmatch(name):
            continue
        if content.startswith(b"\x7fELF\x02"):
            weaken(content)
        result += header + content + b"\n" * (len(content) % 2)
    path.write_bytes(result)


if __name__ == "__main__":
    main()
