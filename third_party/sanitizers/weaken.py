"""Make every symbol that an archive of objects defines a weak one, in place.

usage: weaken.py ARCHIVE

libFuzzer is linked with GNU's C++ library, all the rest with LLVM's. Both define some of the same symbols (`operator
new`, `std::logic_error`, what throwing needs), which the linker refuses unless one of them is weak.
"""

import struct
import sys
from pathlib import Path

_MAGIC = b"!<arch>\n"
_MEMBER_HEADER = 60
_SECTION_SYMTAB = 2
_SYMBOL = struct.Struct("<IBBHQQ")
_GLOBAL, _WEAK = 1, 2


def members(archive: bytes) -> list[int]:
    """Offsets of the 64-bit ELF objects in an archive."""
    if not archive.startswith(_MAGIC):
        raise SystemExit("not an archive: it must start with '!<arch>'")
    found = []
    at = len(_MAGIC)
    while at < len(archive):
        start = at + _MEMBER_HEADER
        size = int(archive[at + 48 : at + 58])
        if archive[start : start + 5] == b"\x7fELF\x02":
            found.append(start)
        at = start + size + size % 2
    return found


def weaken(archive: bytearray, start: int) -> int:
    """Weakens the symbols of the object at `start`; returns how many."""
    (sections,) = struct.unpack_from("<Q", archive, start + 40)
    size, count = struct.unpack_from("<HH", archive, start + 58)
    if count == 0:  # more than 65,279: the first section says how many
        (count,) = struct.unpack_from("<Q", archive, start + sections + 32)
    changed = 0
    for header in range(start + sections, start + sections + size * count, size):
        (kind,) = struct.unpack_from("<I", archive, header + 4)
        if kind != _SECTION_SYMTAB:
            continue
        offset, length = struct.unpack_from("<QQ", archive, header + 24)
        for at in range(start + offset, start + offset + length, _SYMBOL.size):
            _, info, _, section, _, _ = _SYMBOL.unpack_from(archive, at)
            if info >> 4 == _GLOBAL and section != 0:
                archive[at + 4] = _WEAK << 4 | info & 15
                changed += 1
    return changed


def main() -> None:
    path = Path(sys.argv[1])
    archive = bytearray(path.read_bytes())
    changed = sum(weaken(archive, start) for start in members(archive))
    if not changed:
        raise SystemExit(f"{path}: no object in it defines a symbol")
    path.write_bytes(archive)


if __name__ == "__main__":
    main()
