"""Unpacks wheels into one folder that can go on `sys.path`, as far as importing needs it.

usage: site_packages.py --wheel F … --out DIR [--exclude PATTERN …] [--programs] [--bytecode FILE]

Console scripts, data files outside the packages and headers are left out; programs that a wheel brings as files
(`ruff`) go to `bin/` when --programs is given. The same wheels give the same tree: modes are 0644 and 0755, and a file
that two wheels bring is taken when both bring the same bytes, and an error otherwise.

Standard library only, and no other module of this project: it is the tool that provides them all with their packages.
--bytecode names the one it may use, `bytecode.py`: then compiled files lie beside the sources, which saves every
program that imports much from compiling it again.
"""

from __future__ import annotations

import argparse
import fnmatch
import importlib.util
import os
import sys
import zipfile
from collections.abc import Iterable, Iterator
from typing import NamedTuple

# Where the parts of `NAME.data/` go, below the installation prefix; None is site-packages itself (PEP 427).
_DATA_SCHEMES = {"purelib": None, "platlib": None, "data": "", "headers": "include/", "scripts": "bin/"}


class WheelError(Exception):
    """A wheel cannot be unpacked, or does not go with another one; the text names file and wheel."""


class WheelFile(NamedTuple):
    """One file in a wheel.

    Attributes:
      scheme: "site" for site-packages, "script" for `bin/`, "prefix" for the installation prefix.
      path: where it goes, relative to that place, with slashes.
      executable: whether it gets mode 0755.
      member: its name in the wheel.
      fingerprint: (CRC-32, size): equal for equal content.
    """

    scheme: str
    path: str
    executable: bool
    member: str
    fingerprint: tuple[int, int]


def wheel_files(wheel: str) -> Iterator[WheelFile]:
    """Every file of a wheel and where it goes, in the wheel's order.

    Raises:
      WheelError: the file is no wheel, or a member's name leads out of the target folder.
    """
    try:
        archive = zipfile.ZipFile(wheel)
    except (OSError, zipfile.BadZipFile) as error:
        raise WheelError(f"{os.path.basename(wheel)}: cannot be read as a wheel: {error}") from error
    with archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            parts = info.filename.split("/")
            if ".." in parts or "" in parts or "\\" in info.filename:
                raise WheelError(f"{os.path.basename(wheel)}: unsafe file name {info.filename!r}")
            executable = bool((info.external_attr >> 16) & 0o111)
            scheme, path = "site", info.filename
            if parts[0].endswith(".data") and len(parts) > 2:
                if parts[1] not in _DATA_SCHEMES:
                    raise WheelError(f"{os.path.basename(wheel)}: {info.filename!r}: unknown data scheme {parts[1]!r}")
                folder, path = _DATA_SCHEMES[parts[1]], "/".join(parts[2:])
                if parts[1] == "scripts":
                    scheme, executable = "script", True
                elif folder is not None:
                    scheme, path = "prefix", folder + path
            yield WheelFile(scheme, path, executable, info.filename, (info.CRC, info.file_size))


def excluded(path: str, patterns: Iterable[str]) -> bool:
    """Whether `path` matches one of the shell patterns; `*` matches slashes too."""
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def unpack(wheels: Iterable[str], out: str, exclude: Iterable[str] = (), programs: bool = False) -> None:
    """Unpack `wheels` into the folder `out`.

    Args:
      wheels: paths of wheels; their order does not matter.
      out: the folder; made if need be.
      exclude: shell patterns of paths, relative to `out`, to leave out.
      programs: whether programs that wheels bring as files go to `bin/`.

    Raises:
      WheelError: see `wheel_files`; or two wheels bring a file of one name with different content.
    """
    os.makedirs(out, exist_ok=True)
    patterns = tuple(exclude)
    owners: dict[str, tuple[str, tuple[int, int]]] = {}
    for wheel in sorted(wheels, key=os.path.basename):
        name = os.path.basename(wheel)
        places = {"site": "", "script": "bin/"} if programs else {"site": ""}
        wanted = [
            file._replace(path=places[file.scheme] + file.path)
            for file in wheel_files(wheel)
            if file.scheme in places and not excluded(file.path, patterns)
        ]
        with zipfile.ZipFile(wheel) as archive:
            for file in wanted:
                if file.path in owners:
                    check_same(file.path, name, file.fingerprint, *owners[file.path])
                    continue
                owners[file.path] = (name, file.fingerprint)
                target = os.path.join(out, file.path)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(target, "wb") as stream:
                    stream.write(archive.read(file.member))
                os.chmod(target, 0o755 if file.executable else 0o644)


def precompile(out: str, tool: str) -> None:
    """Put bytecode beside every module below `out`.

    Args:
      out: a folder of packages.
      tool: path of `bytecode.py`.

    Raises:
      WheelError: an interpreter failed.
    """
    spec = importlib.util.spec_from_file_location("bytecode", tool)
    assert spec and spec.loader
    bytecode = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bytecode)
    try:
        bytecode.precompile(out, sys.executable, "{}.{}".format(*sys.version_info[:2]))
    except bytecode.CompileError as error:
        raise WheelError(str(error)) from error


def check_same(path: str, owner: str, content: object, other_owner: str, other_content: object) -> None:
    """Let two owners bring the file `path` only with equal content.

    Raises:
      WheelError: the contents differ.
    """
    if content != other_content:
        raise WheelError(
            f"{path} comes from {other_owner} and from {owner} with different content. "
            "Take one of them out of the lock, or leave the file out with an exclude pattern"
        )


def main(argv: list[str]) -> int:
    """Command line entry; see the head of this file."""
    parser = argparse.ArgumentParser(description="Unpack wheels into a folder for sys.path.", fromfile_prefix_chars="@")
    parser.add_argument("--wheel", action="append", default=[], help="a wheel; may be given many times")
    parser.add_argument("--out", required=True, help="folder to fill")
    parser.add_argument("--exclude", action="append", default=[], help="pattern of paths to leave out; many times")
    parser.add_argument("--programs", action="store_true", help="put programs that wheels bring as files into bin/")
    parser.add_argument("--bytecode", help="path of bytecode.py: compile the modules with it")
    options = parser.parse_args(argv)
    try:
        unpack(options.wheel, options.out, options.exclude, options.programs)
        if options.bytecode:
            precompile(options.out, options.bytecode)
    except WheelError as error:
        print(f"site_packages: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
