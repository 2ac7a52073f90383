"""The digest of a model: one sha256 for a folder, the same on any machine and by whichever way it came.

The manifest of a tree has one line a file, in the form that `sha256sum` prints: the sha256 of the content in
hexadecimal, two spaces, the path relative to the folder with slashes, a newline; sorted by the bytes of the paths in
UTF-8. The tree's digest is the sha256 of its manifest, so a shell can compute it:

    cd MODEL && find -L . -type f -not -path '*/__pycache__/*' -printf '%P\\0' |
        LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum

Modes, times and owners do not count, for object stores and artifact servers keep none: no file is given out as a
program. Neither do empty folders. Links are followed. `__pycache__` is left out: it is made by whoever loads the model.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mlflow_backend_utils.store.errors import DigestError, NotAModelError

_BLOCK = 1 << 20
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_DIGEST = re.compile(r"[0-9a-f]{64}")
# What sha256sum would escape, and what no file name should have.
_UNFIT = re.compile(r"[\x00-\x1f\x7f\\]")
# No file system that a model is likely to meet takes a longer name.
_LONGEST_NAME = 255


class Entry(NamedTuple):
    """One file of a tree.

    Attributes:
      path: relative to the tree, with slashes.
      sha256: of its content, in hexadecimal.
    """

    path: str
    sha256: str


def check_digest(given: str) -> str:
    """`given`, when it is a sha256 in hexadecimal; a prefix `sha256:` is taken off.

    Raises:
      DigestError: it is none.
    """
    digest = given[len("sha256:") :] if given.startswith("sha256:") else given
    if not _DIGEST.fullmatch(digest):
        raise DigestError(f"{given!r} is no sha256: give 64 lower-case hexadecimal digits")
    return digest


def check_path(path: str) -> str:
    """`path`, when it can be the path of a file in a model.

    Raises:
      NotAModelError: it is absolute, leaves the folder, or has characters that not every system can hold.
    """
    parts = path.split("/")
    if not path or any(part in ("", ".", "..") for part in parts):
        raise NotAModelError(
            f"{path!r} is no path inside a model: give a relative one without empty parts, '.' and '..'"
        )
    if _UNFIT.search(path):
        raise NotAModelError(f"{path!r} has a control character or a backslash in its name; rename the file")
    try:
        names = [part.encode() for part in parts]
    except UnicodeEncodeError as error:
        raise NotAModelError(f"{path!r} is not valid UTF-8; rename the file") from error
    if any(len(name) > _LONGEST_NAME for name in names):
        raise NotAModelError(f"{path[:80]!r}… has a name of more than {_LONGEST_NAME} bytes; rename the file")
    return path


def is_bytecode(path: str) -> bool:
    """Whether `path` lies in a `__pycache__`."""
    return "__pycache__" in path.split("/")[:-1]


def sha256_of(path: str | os.PathLike[str]) -> str:
    """The sha256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(_BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()


def tree_paths(folder: str | os.PathLike[str]) -> Iterator[str]:
    """Paths of the files below `folder`, relative, with slashes, as they count for the digest.

    Raises:
      NotAModelError: a name is unfit, a link leads nowhere or in a circle, or something is no file.
    """
    top = os.fspath(folder)
    found = []
    pending = [("", frozenset([os.path.realpath(top)]))]
    while pending:
        where, above = pending.pop()
        with os.scandir(os.path.join(top, where)) as entries:
            for entry in entries:
                path = f"{where}/{entry.name}" if where else entry.name
                if entry.is_dir():
                    real = os.path.realpath(entry.path)
                    if real in above:
                        raise NotAModelError(f"{entry.path} links to a folder above it; take the link away")
                    if entry.name != "__pycache__":
                        pending.append((path, above | {real}))
                elif entry.is_file():
                    found.append(check_path(path))
                elif entry.is_symlink():
                    raise NotAModelError(f"{entry.path} links to {os.readlink(entry.path)}, which is not there")
                else:
                    raise NotAModelError(f"{entry.path} is neither a file nor a folder; take it away")
    return iter(found)


def manifest(entries: Iterable[Entry]) -> str:
    """The manifest of a tree; see the head of this file.

    Raises:
      NotAModelError: a path is unfit, is there twice, or is a file and a folder at once.
    """
    ordered = sorted(entries, key=lambda entry: entry.path.encode("utf-8", "surrogatepass"))
    paths = set()
    for entry in ordered:
        check_path(entry.path)
        if entry.path in paths:
            raise NotAModelError(f"{entry.path!r} is there twice")
        paths.add(entry.path)
    for path in paths:
        parts = path.split("/")
        for depth in range(1, len(parts)):
            if "/".join(parts[:depth]) in paths:
                raise NotAModelError(f"{'/'.join(parts[:depth])!r} is a file and a folder at once")
    return "".join(f"{entry.sha256}  {entry.path}\n" for entry in ordered)


def parse_manifest(text: str) -> list[Entry]:
    """The files of a manifest.

    Raises:
      DigestError: `text` is no manifest in the one form it can have.
    """
    entries = []
    for line in text.split("\n")[:-1]:
        match = _LINE.fullmatch(line)
        if match is None:
            raise DigestError(f"{line[:100]!r} is no line of a manifest")
        entries.append(Entry(match.group(2), match.group(1)))
    try:
        canonical = manifest(entries)
    except NotAModelError as error:
        raise DigestError(f"a manifest with an impossible path: {error}") from error
    if canonical != text:
        raise DigestError("the manifest is not sorted, or does not end with a newline")
    return entries


def manifest_digest(text: str) -> str:
    """The digest of the tree that has this manifest."""
    return hashlib.sha256(text.encode()).hexdigest()


def tree_digest(folder: str | os.PathLike[str]) -> str:
    """The digest of the tree in `folder`.

    Raises:
      NotAModelError: it holds what a model cannot; see `tree_paths`.
    """
    return manifest_digest(manifest(Entry(path, sha256_of(os.path.join(folder, path))) for path in tree_paths(folder)))
