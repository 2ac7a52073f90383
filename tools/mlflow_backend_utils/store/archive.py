"""Unpacks and writes archives of models: .tar, .tar.gz (also .tar.bz2 and .tar.xz to read) and .zip.

An archive comes from outside: it is unpacked file by file, with every path checked. Links, devices, absolute paths and
`..` are refused, whatever they would lead to, and sizes are counted as bytes arrive, not as the archive states them.
"""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from typing import IO

from mlflow_backend_utils.store import digest
from mlflow_backend_utils.store.errors import ArchiveError, NotAModelError
from mlflow_backend_utils.store.limits import Budget

WRITTEN_SUFFIXES = (".tar.gz", ".tgz", ".zip")
_BLOCK = 1 << 20
# 1980-01-01: the first time that zip files can hold.
_MTIME = 315532800
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError)


def _is_zip(path: str) -> bool:
    # Not by zipfile.is_zipfile alone: a zip that is the last file in a tar makes that look like one.
    with open(path, "rb") as file:
        return file.read(2) == b"PK" and zipfile.is_zipfile(path)


def is_archive(path: str | os.PathLike[str]) -> bool:
    """Whether the file holds an archive, by its content."""
    try:
        return _is_zip(os.fspath(path)) or tarfile.is_tarfile(path)
    except _BROKEN:
        return False


def _safe_path(name: str, archive: str) -> str:
    """The path of a member, without a leading `./`."""
    path = name
    while path.startswith("./"):
        path = path[2:]
    try:
        return digest.check_path(path.rstrip("/"))
    except NotAModelError as error:
        raise ArchiveError(f"{archive}: {error}") from error


def _write(source: IO[bytes], target: str, budget: Budget, what: str) -> None:
    budget.add_file(what)
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        file = open(target, "xb")  # noqa: SIM115
    except (FileExistsError, NotADirectoryError) as error:
        raise ArchiveError(f"{what} is there twice, or is a file and a folder at once") from error
    with file:
        for block in iter(lambda: source.read(_BLOCK), b""):
            budget.spend(len(block), what)
            file.write(block)


def _unpack_tar(path: str, out: str, budget: Budget) -> None:
    name = os.path.basename(path)
    with tarfile.open(path) as archive:
        for member in archive:
            if member.name.rstrip("/") in ("", "."):
                continue
            inside = _safe_path(member.name, name)
            if member.isdir():
                continue
            if not member.isreg():
                kind = "a link" if member.islnk() or member.issym() else "a device or pipe"
                raise ArchiveError(f"{name}: {member.name} is {kind}; pack the model with plain files only")
            source = archive.extractfile(member)
            assert source is not None  # it is a regular file
            if not digest.is_bytecode(inside):
                _write(source, os.path.join(out, inside), budget, f"{name}: {inside}")


def _unpack_zip(path: str, out: str, budget: Budget) -> None:
    name = os.path.basename(path)
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            inside = _safe_path(member.filename, name)
            if member.is_dir():
                continue
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise ArchiveError(
                    f"{name}: {member.filename} is a link or device; pack the model with plain files only"
                )
            if not digest.is_bytecode(inside):
                with archive.open(member) as source:
                    _write(source, os.path.join(out, inside), budget, f"{name}: {inside}")


def unpack(path: str | os.PathLike[str], out: str | os.PathLike[str], budget: Budget) -> None:
    """Unpack the archive at `path` into the folder `out`, which is made.

    Raises:
      ArchiveError: it is none, is damaged, or has a member that must not be unpacked.
      LimitError: it holds more than `budget` allows.
    """
    file, folder = os.fspath(path), os.fspath(out)
    os.makedirs(folder, exist_ok=True)
    if not is_archive(file):
        raise ArchiveError(
            f"{os.path.basename(file)} is no archive; allowed are .tar.gz, .tar, .tar.bz2, .tar.xz and .zip"
        )
    try:
        (_unpack_zip if _is_zip(file) else _unpack_tar)(file, folder, budget)
    except _BROKEN as error:
        raise ArchiveError(f"{os.path.basename(file)} is damaged, or cannot be unpacked here: {error}") from error


def _write_zip(folder: str, paths: Iterable[str], out: str) -> None:
    with zipfile.ZipFile(out, "w") as packed:
        for path in paths:
            info = zipfile.ZipInfo(path)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, (stat.S_IFREG | 0o644) << 16
            with open(os.path.join(folder, path), "rb") as source, packed.open(info, "w", force_zip64=True) as sink:
                shutil.copyfileobj(source, sink, _BLOCK)


def _write_tar(folder: str, paths: Iterable[str], out: str) -> None:
    with (
        open(out, "wb") as file,
        gzip.GzipFile("", "wb", 6, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in paths:
            info = tarfile.TarInfo(path)
            info.size, info.mode, info.mtime = os.path.getsize(os.path.join(folder, path)), 0o644, _MTIME
            with open(os.path.join(folder, path), "rb") as source:
                tar.addfile(info, source)


def write(folder: str | os.PathLike[str], paths: Iterable[str], out: str | os.PathLike[str]) -> None:
    """Write files of `folder` as an archive whose bytes depend on their names and content alone.

    Args:
      folder: where the files are.
      paths: relative to it, in the order to write.
      out: the archive; its name ends with one of WRITTEN_SUFFIXES.

    Raises:
      ArchiveError: the name ends otherwise.
    """
    name = os.fspath(out)
    if not name.endswith(WRITTEN_SUFFIXES):
        raise ArchiveError(f"{name}: an archive's name ends with one of {', '.join(WRITTEN_SUFFIXES)}")
    (_write_zip if name.endswith(".zip") else _write_tar)(os.fspath(folder), paths, name)
