"""Plans an execution environment: which files it holds, with which mode, and where their bytes come from.

Nothing is installed on disk: the members of wheels and of the runtime are read when the environment is written.
"""

from __future__ import annotations

import dataclasses
import os
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator

from mlflow_backend_utils.env import scripts, site_packages

# Top-level folders of a runtime that belong into an environment; C headers do not.
_RUNTIME_FOLDERS = ("bin", "lib", "share")
_INSTALLER = b"mlflow-backend-utils\n"


class PackError(Exception):
    """The environment cannot be packed as asked; the text is one line for the user."""


@dataclasses.dataclass(frozen=True)
class Member:
    """One file or symbolic link of the environment.

    Attributes:
      name: its path in the environment, with slashes.
      executable: mode 0755 instead of 0644.
      owner: what brings it: a wheel's file name, or "the runtime", for messages.
      data: its bytes, when they are known.
      path: the file that holds them, or the wheel when `wheel_member` is set.
      wheel_member: its name in the wheel.
      link: target of a symbolic link, relative to its own folder.
    """

    name: str
    executable: bool
    owner: str
    data: bytes | None = None
    path: str = ""
    wheel_member: str = ""
    link: str = ""


class Reader:
    """Reads members; keeps the wheels it has opened. For one thread."""

    def __init__(self) -> None:
        self._wheels: dict[str, zipfile.ZipFile] = {}

    def read(self, member: Member) -> bytes:
        """The bytes of a member that is no link."""
        if member.data is not None:
            return member.data
        if member.wheel_member:
            return self.wheel(member.path).read(member.wheel_member)
        with open(member.path, "rb") as file:
            return file.read()

    def fingerprint(self, member: Member) -> object:
        """Equal for members of equal content; cheap for members of wheels."""
        if member.link:
            return member.link
        if member.wheel_member:
            info = self.wheel(member.path).getinfo(member.wheel_member)
            return info.CRC, info.file_size
        data = self.read(member)
        return zlib.crc32(data), len(data)

    def wheel(self, path: str) -> zipfile.ZipFile:
        """An open wheel."""
        if path not in self._wheels:
            self._wheels[path] = zipfile.ZipFile(path)
        return self._wheels[path]

    def close(self) -> None:
        """Close every wheel."""
        for wheel in self._wheels.values():
            wheel.close()
        self._wheels.clear()


def python_series(runtime: str) -> str:
    """The `X.Y` of a runtime folder.

    Raises:
      PackError: the folder holds no runtime.
    """
    library = os.path.join(runtime, "lib")
    names = os.listdir(library) if os.path.isdir(library) else []
    series = [name[len("python") :] for name in names if re.fullmatch(r"python3\.\d+", name)]
    if len(series) != 1:
        raise PackError(f"{runtime}: no Python runtime: lib/python3.X is missing or not alone")
    return series[0]


def _runtime_members(runtime: str, series: str) -> Iterator[Member]:
    for top in _RUNTIME_FOLDERS:
        for where, folders, files in os.walk(os.path.join(runtime, top)):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            for file in sorted(files):
                path = os.path.join(where, file)
                name = os.path.relpath(path, runtime).replace(os.sep, "/")
                if name in ("bin/python", "bin/python3"):
                    yield Member(name, False, "the runtime", link="python" + series)
                elif re.fullmatch(r"lib/libpython3\.\d+\.so", name) or name.endswith(".pyc"):
                    continue  # the former is for linking only
                else:
                    # Not by the file's mode: a remote worker gets every input as an executable file. And build systems
                    # hand inputs over as links: the file behind one counts.
                    yield Member(name, name.startswith("bin/"), "the runtime", path=os.path.realpath(path))


def _wheel_members(wheel: str, series: str, reader: Reader) -> Iterator[Member]:
    owner = os.path.basename(wheel)
    site = f"lib/python{series}/site-packages/"
    metadata = None
    for file in site_packages.wheel_files(wheel):
        if file.scheme == "script":
            data = scripts.relocate(reader.wheel(wheel).read(file.member))
            yield Member("bin/" + file.path, True, owner, data=data)
            continue
        folder, _, rest = file.path.partition("/")
        if folder.endswith(".dist-info") and file.scheme == "site":
            metadata = folder
            if rest == "entry_points.txt":
                text = reader.wheel(wheel).read(file.member).decode()
                for name, data in scripts.console_scripts(text):
                    yield Member("bin/" + name, True, owner, data=data)
        target = site + file.path if file.scheme == "site" else file.path
        yield Member(target, file.executable, owner, path=wheel, wheel_member=file.member)
    if metadata is None:
        raise PackError(f"{owner}: no wheel: it has no .dist-info folder")
    yield Member(f"{site}{metadata}/INSTALLER", False, owner, data=_INSTALLER)


def plan(
    runtime: str, wheels: Iterable[str], exclude: Iterable[str], conda_pack_wheel: str, reader: Reader
) -> dict[str, Member]:
    """What an environment of `runtime` and `wheels` holds.

    Args:
      runtime: a relocatable CPython prefix.
      wheels: paths of wheels that fit it; their order does not matter.
      exclude: shell patterns of paths in the environment to leave out (`*` matches slashes too).
      conda_pack_wheel: the wheel of conda-pack, whose activation and relocation scripts are put in; "" for none.
      reader: reads what has to be looked into.

    Returns:
      The members by name, sorted.

    Raises:
      PackError, site_packages.WheelError: an input is not what it should be, or two bring different files of one name.
    """
    series = python_series(runtime)
    patterns = tuple(exclude)
    members: dict[str, Member] = {}

    def add(new: Iterable[Member]) -> None:
        for member in new:
            if site_packages.excluded(member.name, patterns):
                continue
            old = members.setdefault(member.name, member)
            if old is not member:
                site_packages.check_same(
                    member.name, member.owner, reader.fingerprint(member), old.owner, reader.fingerprint(old)
                )

    add(_runtime_members(runtime, series))
    for wheel in sorted(wheels, key=os.path.basename):
        add(_wheel_members(wheel, series, reader))
    if conda_pack_wheel:
        owner = os.path.basename(conda_pack_wheel)
        for name, executable, data in scripts.conda_pack_files(conda_pack_wheel):
            members[name] = Member(name, executable, owner, data=data)
    return dict(sorted(members.items()))
