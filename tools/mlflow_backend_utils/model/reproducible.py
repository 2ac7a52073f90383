"""Copies a saved MLflow model and takes out what changes from run to run.

Two runs of a deterministic training then give the same bytes:

* `MLmodel`: the time it was saved becomes $SOURCE_DATE_EPOCH, or 1980; `model_uuid` is made from the model's content;
  ids of tracking runs and registered models, and paths of the machine, go;
* skops files are renumbered (see skops_file.py); in other zip files only the members' times are overwritten, for their
  layout can matter (PyTorch maps its files into memory);
* modes are 0644, links are followed, and `__pycache__` is left out.

Everything else must be deterministic itself: set seeds, PYTHONHASHSEED, and one thread where sums depend on the order.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import os
import pathlib
import struct
import zipfile
from collections.abc import Iterator
from typing import Any

import yaml

from mlflow_backend import metadata
from mlflow_backend_utils.model import skops_file

_CODE_PATH = "model_code_path"
# A name on a model hub, if it is not the folder that the model was loaded from.
_PATHS = (_CODE_PATH, "source_model_name")
_MLMODEL = "MLmodel"
_DEFAULT_TIME = datetime.datetime(1980, 1, 1, tzinfo=datetime.timezone.utc)
# 1980-01-01 00:00:00 in the two 16-bit words of a zip header: time, then date.
_DOS_TIME = struct.pack("<HH", 0, 1 << 5 | 1)


def model_files(folder: str) -> Iterator[str]:
    """Paths of a model's files relative to its folder, with slashes, sorted; bytecode is left out."""
    found = []
    for where, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if name != "__pycache__"]
        found += [os.path.relpath(os.path.join(where, name), folder).replace(os.sep, "/") for name in files]
    return iter(sorted(found))


def normalize_zip(data: bytes) -> bytes:
    """A zip file with reproducible content; other data comes back as it is."""
    if not data.startswith(b"PK\x03\x04") or not zipfile.is_zipfile(io.BytesIO(data)):
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if skops_file.is_skops(archive):
            return skops_file.normalize(data)
        entries, directory = archive.infolist(), archive.start_dir
    out = bytearray(data)
    for info in entries:
        # The time is at byte 10 of a local header and at byte 12 of a directory entry (PKWARE APPNOTE 4.3.7, 4.3.12).
        out[info.header_offset + 10 : info.header_offset + 14] = _DOS_TIME
        out[directory + 12 : directory + 16] = _DOS_TIME
        name, extra, comment = struct.unpack_from("<HHH", out, directory + 28)
        directory += 46 + name + extra + comment
    return bytes(out)


def normalize_mlmodel(content: dict[str, Any], files: dict[str, bytes], time: datetime.datetime) -> bytes:
    """The `MLmodel` file without what changes from run to run.

    Args:
      content: what the file holds.
      files: every other file of the model, by path; they make the model's id and size.
      time: the time to state.
    """
    new = {key: value for key, value in content.items() if key != "run_id"}
    if "model_id" in new:
        new["model_id"] = None
    # A logged model states where its artifacts lay; a saved one has no such entry.
    if str(new.get("artifact_path", "")).startswith("/") or ":/" in str(new.get("artifact_path", "")):
        del new["artifact_path"]
    # MLflow looks for the code by its name, inside the model.
    new["flavors"] = {name: _without_path(flavor) for name, flavor in (new.get("flavors") or {}).items()}
    new["utc_time_created"] = time.strftime("%Y-%m-%d %H:%M:%S.%f")
    new.pop("model_uuid", None)
    if "model_size_bytes" in new:
        new["model_size_bytes"] = sum(map(len, files.values()))
    digest = hashlib.sha256(yaml.safe_dump(new).encode())
    for path, data in sorted(files.items()):
        digest.update(f"{path}\0{len(data)}\0".encode() + data)
    new["model_uuid"] = digest.hexdigest()[:32]
    # The way MLflow writes it.
    return str(yaml.safe_dump(new, default_flow_style=False, allow_unicode=True)).encode()


def _without_path(flavor: Any) -> Any:
    """A flavor without the folders of the file that a model from code, or a pretrained one, was saved from."""
    if not isinstance(flavor, dict):
        return flavor
    return flavor | {
        key: os.path.basename(flavor[key].rstrip("/"))
        for key in _PATHS
        if isinstance(flavor.get(key), str) and (key == _CODE_PATH or os.path.isabs(flavor[key]))
    }


def normalize(folder: str, out: str, time: datetime.datetime = _DEFAULT_TIME) -> None:
    """Copy the model in `folder` to `out`; see the head of this file.

    Raises:
      BackendError: `folder` holds no readable model.
    """
    metadata.read(pathlib.Path(folder))  # for its errors
    with open(os.path.join(folder, _MLMODEL), encoding="utf-8") as stream:
        content = yaml.safe_load(stream)
    files = {}
    for path in model_files(folder):
        if path != _MLMODEL:
            with open(os.path.join(folder, path), "rb") as file:
                files[path] = normalize_zip(file.read())
    files[_MLMODEL] = normalize_mlmodel(content, dict(files), time)
    for path, data in files.items():
        target = os.path.join(out, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(data)
        os.chmod(target, 0o644)


def stated_time() -> datetime.datetime:
    """The time of $SOURCE_DATE_EPOCH (seconds since 1970), or 1980."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc) if epoch else _DEFAULT_TIME
