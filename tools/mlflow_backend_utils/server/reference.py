"""Asks a model's own environment what MLflow answers, outside any server."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mlflow_backend_utils.repository.layout import ARCHIVE_NAME, ENV_FOLDER_NAME

_PROGRAM = Path(__file__).with_name("expected.py")


class ReferenceError(Exception):
    """The model's environment cannot answer; the text says why."""


@dataclasses.dataclass(frozen=True)
class Tensor:
    """One named array.

    Attributes:
      name: "" when the model does not name it.
      kind: "number", "text", "bytes", "datetime" or "json": how the cells of an object array are to be understood.
      array: the values; object arrays hold `bytes` as they travel.
    """

    name: str
    kind: str
    array: np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class Case:
    """One prediction: what goes in, and what comes out or the model's error."""

    inputs: list[Tensor]
    outputs: list[Tensor]
    error: str


def decode(item: dict[str, Any]) -> Tensor:
    """A tensor as expected.py writes it."""
    shape, dtype, values = item["shape"], item["dtype"], item["values"]
    if dtype in ("text", "bytes", "datetime", "json"):
        cells = [base64.b64decode(cell) if dtype == "bytes" else cell.encode() for cell in values]
        array = np.array([None, *cells], dtype=object)[1:].reshape(shape)
        return Tensor(item["name"], dtype, array)
    array = np.frombuffer(base64.b64decode(values), dtype=np.dtype(dtype)).reshape(shape)
    return Tensor(item["name"], "number", array)


def newest_version(model_folder: Path) -> Path:
    """The folder of a Triton model's highest version.

    Raises:
      ReferenceError: there is none.
    """
    versions = [child for child in model_folder.iterdir() if child.name.isdigit()]
    if not versions:
        raise ReferenceError(f"{model_folder}: no version folder such as 1/")
    return max(versions, key=lambda child: int(child.name))


def unpack_environment(model_folder: Path, scratch: Path) -> Path:
    """The folder of a Triton model's environment; an archive is unpacked below `scratch`, as a user would.

    Raises:
      ReferenceError: the model brings none, or its conda-unpack fails.
    """
    folder, archive = model_folder / ENV_FOLDER_NAME, model_folder / ARCHIVE_NAME
    if folder.is_dir():
        return folder
    if not archive.exists():
        raise ReferenceError(f"{model_folder}: neither {ARCHIVE_NAME} nor {ENV_FOLDER_NAME}/")
    target = scratch / "environment"
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter="tar")
    done = subprocess.run([target / "bin" / "conda-unpack"], capture_output=True, text=True, env={"PATH": os.defpath})
    if done.returncode:
        raise ReferenceError(f"{archive}: bin/conda-unpack failed: {done.stderr.strip()}")
    return target


def reference(model_folder: Path, scratch: Path) -> dict[str, Case]:
    """MLflow's own answers of the newest version of a Triton model, by variant (see expected.py).

    Args:
      model_folder: the model's folder in a model repository.
      scratch: an existing folder to work in.

    Raises:
      ReferenceError: the environment or the model does not work.
    """
    environment = unpack_environment(model_folder, scratch)
    name = model_folder.name
    return answers(environment, {name: newest_version(model_folder)}, scratch)[name]


def answers(environment: Path, models: Mapping[str, Path], scratch: Path) -> dict[str, dict[str, Case]]:
    """MLflow's own answers of several models with one environment, by model and variant (see expected.py).

    Args:
      environment: folder of the unpacked environment.
      models: folders of saved MLflow models, by name.
      scratch: an existing folder to work in.

    Raises:
      ReferenceError: the environment or a model does not work.
    """
    out = scratch / "expected.json"
    folders = [word for folder in models.values() for word in ("--model", folder)]
    done = subprocess.run(
        [environment / "bin" / "python3", "-B", "-I", _PROGRAM, *folders, "--out", out],
        capture_output=True,
        text=True,
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TMPDIR": str(scratch)},
    )
    if done.returncode:
        raise ReferenceError(f"{', '.join(models)}: {_PROGRAM.name} failed in the models' environment:\n{done.stderr}")
    found = json.loads(out.read_text(encoding="utf-8"))
    return {name: _cases(cases) for name, cases in zip(models, found.values(), strict=True)}


def read(file: Path) -> dict[str, Case]:
    """The answers of one model in a file that `expected.py --models` wrote, by variant."""
    return _cases(json.loads(file.read_text(encoding="utf-8")))


def _cases(items: dict[str, Any]) -> dict[str, Case]:
    return {variant: _case(item) for variant, item in items.items()}


def _case(item: dict[str, Any]) -> Case:
    inputs, outputs = ([decode(tensor) for tensor in item.get(key, [])] for key in ("inputs", "outputs"))
    return Case(inputs, outputs, item.get("error", ""))
