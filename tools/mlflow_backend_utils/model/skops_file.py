"""Makes skops files reproducible.

A skops file is a zip of `schema.json` and one file an array. Objects are told apart by `__id__`, and arrays are named,
by their address in the process that saved them, which differs from run to run. Only equality of these numbers has a
meaning, so they are replaced by 1, 2, … in the order in which the schema mentions them.
"""

from __future__ import annotations

import io
import json
import posixpath
import zipfile
from typing import Any

_SCHEMA = "schema.json"
# The first time a zip can hold.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def is_skops(archive: zipfile.ZipFile) -> bool:
    """Whether an open zip is a skops file."""
    return _SCHEMA in archive.namelist() and b'"_skops_version"' in archive.read(_SCHEMA)


def _renumber(node: Any, ids: dict[int, int], files: dict[str, str]) -> None:
    """Replace ids and file names in `node`, in place, collecting the new ones."""
    if isinstance(node, list):
        for child in node:
            _renumber(child, ids, files)
    if not isinstance(node, dict):
        return
    if isinstance(node.get("__id__"), int):
        # 0 would mean "no id" to skops.
        node["__id__"] = ids.setdefault(node["__id__"], len(ids) + 1)
    if isinstance(node.get("file"), str):
        extension = posixpath.splitext(node["file"])[1]
        node["file"] = files.setdefault(node["file"], f"{len(files) + 1}{extension}")
    for child in node.values():
        _renumber(child, ids, files)


def normalize(data: bytes) -> bytes:
    """The bytes of a skops file with numbers, order, times and compression that do not change from run to run."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        schema = json.loads(archive.read(_SCHEMA))
        members = {name: archive.read(name) for name in archive.namelist() if name != _SCHEMA}
    files: dict[str, str] = {}
    _renumber(schema, {}, files)
    renamed = {files.get(name, name): content for name, content in members.items()}
    renamed[_SCHEMA] = json.dumps(schema, indent=2).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(renamed):
            info = zipfile.ZipInfo(name, ZIP_TIME)
            info.create_system = 3  # Unix: the mode below counts
            info.external_attr = 0o644 << 16
            archive.writestr(info, renamed[name])
    return out.getvalue()
