"""Writes model repositories of conformance models: config, stub, execution environment and sources."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

_MODELS = Path(__file__).parent / "models"
_HELPERS = "model_helpers.py"
STUB = "triton_python_backend_stub"


@dataclasses.dataclass(frozen=True)
class Model:
    """One model of a repository.

    Attributes:
      behaviour: folder below `models/` with the model's `model.py`.
      name: name in the server; that of the behaviour if empty.
      inputs: tensors as `NAME TYPE DIMS`, e.g. `IN FP32 -1,3`; `optional` and `scalar` (reshaped to no dimension) may
        follow.
      outputs: tensors as `NAME TYPE DIMS`; `scalar` may follow.
      max_batch_size: of the config.
      parameters: string parameters of the config.
      config: further text of `config.pbtxt`.
      versions: numbers of the versions, all with the same source.
      source: text of `model.py` in place of the behaviour's; no `model.py` at all if None is given with no behaviour.
      environment: value of EXECUTION_ENV_PATH; that of the suite if None, none at all if empty.
      own_stub: whether the stub lies in the model's folder.
      complete: whether the config says inputs and outputs; if not, `auto_complete_config` must.
    """

    behaviour: str = ""
    name: str = ""
    inputs: Sequence[str] = ("IN INT32 1",)
    outputs: Sequence[str] = ("RESULT STRING 1",)
    max_batch_size: int = 0
    parameters: Mapping[str, str] = dataclasses.field(default_factory=dict)
    config: str = ""
    versions: Sequence[int] = (1,)
    source: str | None = None
    environment: str | None = None
    own_stub: bool = True
    complete: bool = True

    @property
    def model_name(self) -> str:
        """Name in the server."""
        return self.name or self.behaviour


def _tensor(field: str, spec: str) -> str:
    name, datatype, dims, *options = spec.split()
    text = f'name: "{name}" data_type: TYPE_{datatype} dims: [ {dims} ]'
    if "optional" in options:
        text += " optional: true"
    if "scalar" in options:
        text += " reshape { shape: [ ] }"
    return f"{field} {{ {text} }}\n"


def config_text(model: Model, environment: str) -> str:
    """The model's `config.pbtxt`; `environment` is the value of EXECUTION_ENV_PATH, none if empty."""
    text = f'name: "{model.model_name}"\n'
    if "backend:" not in model.config:
        text += 'backend: "python"\n'
    if model.complete:
        text += f"max_batch_size: {model.max_batch_size}\n"
        text += "".join(_tensor("input", spec) for spec in model.inputs)
        text += "".join(_tensor("output", spec) for spec in model.outputs)
    if "instance_group" not in model.config:
        text += "instance_group { kind: KIND_CPU count: 1 }\n"
    parameters = dict(model.parameters)
    if environment:
        parameters["EXECUTION_ENV_PATH"] = environment
    for key, value in parameters.items():
        text += f'parameters {{ key: "{key}" value: {{ string_value: "{value}" }} }}\n'
    return text + model.config


def add_model(repository: Path, model: Model, *, stub: Path, environment: Path, sources: Path = _MODELS) -> Path:
    """Write a model's folder, in place of one of that name.

    Args:
      repository: the model repository.
      model: what to write.
      stub: the stub to put into the folder.
      environment: the suite's execution environment, a folder.
      sources: folder that holds the folders of behaviours.

    Returns:
      The model's folder.
    """
    folder = repository / model.model_name
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    wanted = str(environment) if model.environment is None else model.environment
    (folder / "config.pbtxt").write_text(config_text(model, wanted), encoding="utf-8")
    if model.own_stub:
        install_stub(stub, folder)
    for version in model.versions:
        place = folder / str(version)
        place.mkdir()
        write_source(place / "model.py", model, sources)
    return folder


def write_source(path: Path, model: Model, sources: Path = _MODELS) -> None:
    """Write the source of a model to `path`, and the helpers beside it; nothing if the model has no source."""
    source = model.source
    if source is None and model.behaviour:
        source = (sources / model.behaviour / "model.py").read_text(encoding="utf-8")
    if source is not None:
        path.write_text(source, encoding="utf-8")
    shutil.copyfile(_MODELS / _HELPERS, path.with_name(_HELPERS))


def install_stub(stub: Path, folder: Path) -> Path:
    """Copy the stub into `folder` under the name that the server looks for, executable."""
    target = folder / STUB
    shutil.copyfile(stub, target)
    target.chmod(0o755)
    return target
