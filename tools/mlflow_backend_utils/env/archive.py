"""Writes planned members as a deterministic tar.gz, or as a folder."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Mapping
from typing import BinaryIO

from mlflow_backend_utils.env import deflate
from mlflow_backend_utils.env.plan import Member, Reader

# 1980-01-01: the first time that zip files can hold, should somebody zip the environment.
_MTIME = 315532800


def _header(name: str, kind: bytes, mode: int, size: int = 0, link: str = "") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.linkname = kind, mode, size, link
    info.mtime, info.uname, info.gname = _MTIME, "root", "root"
    return info.tobuf(tarfile.GNU_FORMAT)


def write_tar_gz(members: Mapping[str, Member], reader: Reader, out: BinaryIO, level: int, threads: int = 0) -> None:
    """Write `members` as a gzip-compressed tar, folders before what is in them.

    Owner root, modes 0644 and 0755, one fixed time: the bytes depend on the members and `level` alone.

    Args:
      members: what to write, by name, in the order wanted.
      reader: gives their bytes.
      out: binary file.
      level: gzip level, 0 to 9.
      threads: how many cores to use; 0 for all.
    """
    folders: set[str] = set()
    with deflate.GzipWriter(out, level, threads) as sink:
        for name, member in members.items():
            parts = name.split("/")
            for depth in range(1, len(parts)):
                folder = "/".join(parts[:depth])
                if folder not in folders:
                    folders.add(folder)
                    sink.write(_header(folder, tarfile.DIRTYPE, 0o755))
            if member.link:
                sink.write(_header(name, tarfile.SYMTYPE, 0o777, link=member.link))
                continue
            data = reader.read(member)
            sink.write(_header(name, tarfile.REGTYPE, 0o755 if member.executable else 0o644, len(data)))
            sink.write(data)
            sink.write(b"\0" * (-len(data) % tarfile.BLOCKSIZE))
        sink.write(b"\0" * 2 * tarfile.BLOCKSIZE)


def write_folder(members: Mapping[str, Member], reader: Reader, out: str) -> None:
    """Write `members` below the folder `out`.

    A link becomes a copy of its target: object stores and copying tools do not keep links.
    """
    for name, member in members.items():
        source = member
        if member.link:
            source = members[os.path.normpath(os.path.join(os.path.dirname(name), member.link))]
        path = os.path.join(out, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(reader.read(source))
        os.chmod(path, 0o755 if source.executable else 0o644)
