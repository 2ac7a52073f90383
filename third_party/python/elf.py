"""Reads and edits 64-bit little-endian ELF files, as far as a relocatable CPython needs it. Standard library only.

Every function takes the bytes of a file and gives facts or new bytes; nothing here touches the disk. What is edited:

* the run path (`DT_RPATH`/`DT_RUNPATH`), overwritten in place where it fits, otherwise added through a new segment;
* the sections that no loader reads (debug information, static symbols), dropped.

Layouts are those of the System V ABI (gABI, "Object Files" and "Dynamic Linking").
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

_EHDR_PHOFF, _EHDR_SHOFF, _EHDR_PHENTSIZE, _EHDR_SHENTSIZE = 0x20, 0x28, 0x36, 0x3A
_PHDR, _SHDR, _DYN, _SYM = "<IIQQQQQQ", "<IIQQQQIIQQ", "<qQ", "<IBBHQQ"
_PT_LOAD, _PT_DYNAMIC, _PT_NOTE = 1, 2, 4
_SHT_STRTAB, _SHT_NOBITS, _SHT_DYNSYM = 3, 8, 11
_SHF_ALLOC, _SHF_INFO_LINK = 0x2, 0x40
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_STRSZ, _DT_SONAME, _DT_RPATH, _DT_RUNPATH = 0, 1, 5, 10, 14, 15, 29
_PAGE = 0x1000


class ElfError(ValueError):
    """The file is an ELF file of this kind, but cannot be edited as asked."""


class Segment(NamedTuple):
    """One program header: where a part of the file (`offset`, `size` bytes) lies in memory (`address`)."""

    kind: int
    flags: int
    offset: int
    address: int
    physical: int
    size: int
    memory_size: int
    align: int


class Dynamic(NamedTuple):
    """What the dynamic section says: own name, needed libraries, and the search path compiled in (None: none)."""

    soname: str | None
    needed: list[str]
    runpath: str | None


def is_elf(data: bytes) -> bool:
    """Whether `data` starts a 64-bit little-endian ELF file."""
    return data[:4] == b"\x7fELF" and data[4:6] == b"\x02\x01"


def _segments(data: bytes) -> list[Segment]:
    (start,) = struct.unpack_from("<Q", data, _EHDR_PHOFF)
    size, count = struct.unpack_from("<HH", data, _EHDR_PHENTSIZE)
    return [Segment(*struct.unpack_from(_PHDR, data, start + i * size)) for i in range(count)]


def _sections(data: bytes) -> tuple[list[list[int]], int]:
    """The section headers as lists of their ten fields, and the index of the section that holds their names."""
    (start,) = struct.unpack_from("<Q", data, _EHDR_SHOFF)
    size, count, names = struct.unpack_from("<HHH", data, _EHDR_SHENTSIZE)
    return [list(struct.unpack_from(_SHDR, data, start + i * size)) for i in range(count)], names


def _string(data: bytes, offset: int) -> str:
    return data[offset : data.index(b"\0", offset)].decode()


def _file_offset(segments: list[Segment], address: int) -> int:
    for segment in segments:
        if segment.kind == _PT_LOAD and segment.address <= address < segment.address + segment.size:
            return address - segment.address + segment.offset
    raise ElfError(f"address {address:#x} lies in no loaded segment")


def _dynamic_entries(data: bytes, segments: list[Segment]) -> Iterator[tuple[int, int, int]]:
    """(file offset, tag, value) of each dynamic entry, the trailing empty ones included."""
    for segment in segments:
        if segment.kind == _PT_DYNAMIC:
            for offset in range(segment.offset, segment.offset + segment.size, 16):
                tag, value = struct.unpack_from(_DYN, data, offset)
                yield offset, tag, value


def dynamic(data: bytes) -> Dynamic | None:
    """What the dynamic section of `data` says; None for a file that is no ELF file or is linked statically."""
    if not is_elf(data):
        return None
    segments = _segments(data)
    entries = [(tag, value) for _, tag, value in _dynamic_entries(data, segments)]
    if not entries:
        return None
    strings = _file_offset(segments, dict(reversed(entries))[_DT_STRTAB])

    def text(*tags: int) -> list[str]:
        return [_string(data, strings + value) for tag, value in entries if tag in tags]

    soname, runpath = text(_DT_SONAME), text(_DT_RUNPATH) or text(_DT_RPATH)
    return Dynamic(soname[0] if soname else None, text(_DT_NEEDED), runpath[0] if runpath else None)


def set_runpath(data: bytes, path: str, inherited: bool = False) -> bytes:
    """`data` with its library search path set to `path` (which may use `$ORIGIN`).

    With `inherited`, the tag is `DT_RPATH`, which the loader also applies to the needs of the libraries it loads;
    otherwise `DT_RUNPATH`, which holds for this file alone. A file without a dynamic section comes back unchanged.

    Raises:
      ElfError: there is no room for the entry.
    """
    if dynamic(data) is None:
        return data
    out, segments = bytearray(data), _segments(data)
    entries = list(_dynamic_entries(data, segments))
    values = {tag: value for _, tag, value in reversed(entries)}
    strings = _file_offset(segments, values[_DT_STRTAB])
    tag = _DT_RPATH if inherited else _DT_RUNPATH
    new = path.encode()
    present = [(offset, value) for offset, old_tag, value in entries if old_tag in (_DT_RPATH, _DT_RUNPATH)]
    # Blank every old path: it names a folder of the machine the file was built on.
    fits = False
    for offset, value in present:
        old = len(_string(data, strings + value).encode())
        fits = fits or old >= len(new)
        out[strings + value : strings + value + old] = new.ljust(old, b"\0") if old >= len(new) else b"\0" * old
        struct.pack_into("<q", out, offset, tag)
    if fits:
        return bytes(out)
    free = [offset for offset, old_tag, _ in entries if old_tag == _DT_NULL]
    if present:
        slot = present[0][0]
    elif len(free) > 1:  # the last empty entry ends the list
        slot = free[0]
    else:
        raise ElfError("no free entry in the dynamic section")
    table = bytes(out[strings : strings + values[_DT_STRSZ]])
    return _move_strings(out, segments, entries, table + new + b"\0", slot, tag, len(table))


def _move_strings(
    out: bytearray,
    segments: list[Segment],
    entries: list[tuple[int, int, int]],
    table: bytes,
    slot: int,
    tag: int,
    value: int,
) -> bytes:
    """Append `table` as the new dynamic string table, loaded by a segment of its own, and fill the entry at `slot`."""
    notes = [i for i, segment in enumerate(segments) if segment.kind == _PT_NOTE]
    if not notes:
        raise ElfError("no segment can be given up for a new string table")
    end = max(s.address + s.memory_size for s in segments if s.kind == _PT_LOAD)
    out += b"\0" * (-len(out) % _PAGE)
    offset, address = len(out), end + (-end % _PAGE)
    out += table
    # A note is of no use at run time; its header can carry the new segment, and stands after every loaded one.
    (headers,) = struct.unpack_from("<Q", out, _EHDR_PHOFF)
    fields = (_PT_LOAD, 4, offset, address, address, len(table), len(table), _PAGE)
    struct.pack_into(_PHDR, out, headers + notes[-1] * struct.calcsize(_PHDR), *fields)
    for where, old_tag, _ in entries:
        if old_tag == _DT_STRTAB:
            old_address = struct.unpack_from(_DYN, out, where)[1]
            struct.pack_into("<Q", out, where + 8, address)
            _move_section(out, old_address, address, offset, len(table))
        elif old_tag == _DT_STRSZ:
            struct.pack_into("<Q", out, where + 8, len(table))
    struct.pack_into(_DYN, out, slot, tag, value)
    return bytes(out)


def _move_section(out: bytearray, old_address: int, address: int, offset: int, size: int) -> None:
    """Let the section header of a moved table follow, for tools that read sections."""
    (start,) = struct.unpack_from("<Q", out, _EHDR_SHOFF)
    sections, _ = _sections(bytes(out))
    for i, section in enumerate(sections):
        if section[1] == _SHT_STRTAB and section[3] == old_address:
            section[3:6] = [address, offset, size]
            struct.pack_into(_SHDR, out, start + i * struct.calcsize(_SHDR), *section)


def strip(data: bytes) -> bytes:
    """`data` without the sections that are not loaded; unchanged where that saves nothing or would not be safe."""
    if not is_elf(data):
        return data
    segments = _segments(data)
    sections, names_index = _sections(data)
    if not sections or not segments:
        return data
    end = max(segment.offset + segment.size for segment in segments)
    keep = [i for i, section in enumerate(sections) if i == 0 or section[2] & _SHF_ALLOC]
    if any(sections[i][1] != _SHT_NOBITS and sections[i][4] + sections[i][5] > end for i in keep):
        return data
    new_index: dict[int, int] = {old: new for new, old in enumerate(keep)}
    names, headers = b"\0", []
    for i in keep:
        section = list(sections[i])
        name = _string(data, sections[names_index][4] + section[0]).encode() if i else b""
        section[0] = len(names) if name else 0
        names += name + b"\0" if name else b""
        section[6] = new_index.get(section[6], 0)
        if section[2] & _SHF_INFO_LINK:
            section[7] = new_index.get(section[7], 0)
        headers.append(section)
    own_name = len(names)
    names += b".shstrtab\0"
    headers.append([own_name, _SHT_STRTAB, 0, 0, end, len(names), 0, 0, 1, 0])
    body = bytearray(data[:end] + names)
    body += b"\0" * (-len(body) % 8)
    struct.pack_into("<Q", body, _EHDR_SHOFF, len(body))
    struct.pack_into("<HHH", body, _EHDR_SHENTSIZE, struct.calcsize(_SHDR), len(headers), len(headers) - 1)
    body += b"".join(struct.pack(_SHDR, *header) for header in headers)
    return bytes(body) if len(body) < len(data) else data


def exported_symbols(data: bytes) -> Iterator[tuple[str, str]]:
    """(kind, name) of each dynamic symbol that `data` defines for others; kind is `function` or `object`."""
    sections, _ = _sections(data)
    for section in sections:
        if section[1] != _SHT_DYNSYM:
            continue
        strings = sections[section[6]][4]
        for offset in range(section[4], section[4] + section[5], struct.calcsize(_SYM)):
            name, info, _, defined_in, _, _ = struct.unpack_from(_SYM, data, offset)
            if defined_in and info >> 4 in (1, 2):  # defined here, and global or weak
                yield "function" if info & 15 == 2 else "object", _string(data, strings + name)
