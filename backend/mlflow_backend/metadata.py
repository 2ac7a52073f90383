"""What an MLflow model says about itself, read from its `MLmodel` file without MLflow.

The file is YAML; `signature.inputs`, `.outputs` and `.params` are JSON texts inside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mlflow_backend import chat, tasks
from mlflow_backend.errors import MetadataError

# libyaml's loader is ten times as fast; not every build of PyYAML has it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# What a model says about batching in its own metadata: `save_model(metadata={"max_batch_size": …})`.
MAX_BATCH_SIZE = "max_batch_size"


@dataclass(frozen=True)
class Signature:
    """The signature's parts as parsed JSON; None: the signature does not have that part."""

    inputs: tuple[Mapping[str, Any], ...] | None
    outputs: tuple[Mapping[str, Any], ...] | None
    params: tuple[Mapping[str, Any], ...] | None


@dataclass(frozen=True)
class InputExample:
    """Where the model's input example lies.

    Attributes:
        path: file with the example as saved.
        kind: `dataframe`, `ndarray`, `json_object`, `sparse_matrix_csr` or `sparse_matrix_csc`.
        serving_path: file with the JSON body for `/invocations`, None in models of old MLflow versions.
    """

    path: Path
    kind: str
    serving_path: Path | None


@dataclass(frozen=True)
class ModelMetadata:
    """Facts of one `MLmodel` file.

    Attributes:
        folder: the model folder.
        flavors: flavor name to that flavor's settings.
        signature: None when the model was saved without.
        input_example: None when the model was saved without.
        mlflow_version: version that saved the model, "" when not said.
        from_type_hints: the signature was derived from type hints, so `predict` wants rows, not a DataFrame.
        is_chat: see `chat.is_chat`.
        max_batch_size: most rows that `predict` may get: what the model's own `metadata` says, 1 for a chat model. 0:
            requests must not be batched; None: nothing is said.
        document: the whole file, parsed.
    """

    folder: Path
    flavors: Mapping[str, Mapping[str, Any]]
    signature: Signature | None
    input_example: InputExample | None
    mlflow_version: str
    from_type_hints: bool
    is_chat: bool = False
    max_batch_size: int | None = None
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def is_served_by(self, loader: str) -> bool:
        """Whether that module loads the model for `pyfunc`; what has a flavor may be served by another one's code."""
        return self.flavors.get("python_function", {}).get("loader_module") == loader


# The parameter of `config.pbtxt` with `summary`.
PARAMETER = "mlmodel"
_SUMMARIZED = ("signature", "is_signature_from_type_hint", "type_hint_from_example", "mlflow_version")
# What of a flavor, and of the model's own metadata, tells how its signature is meant.
_SUMMARIZED_SETTINGS = ("inference_task", "loader_module", "task")
_SUMMARIZED_METADATA = ("max_batch_size", "task")


def summary(model: ModelMetadata) -> str:
    """What a client has to know of the `MLmodel` file, as JSON text in the file's own terms."""
    document = {key: model.document[key] for key in _SUMMARIZED if model.document.get(key)}
    document["flavors"] = {name: _chosen(settings, _SUMMARIZED_SETTINGS) for name, settings in model.flavors.items()}
    task = (model.flavors.get("python_function", {}).get("config") or {}).get("task")
    if task:
        document["flavors"]["python_function"]["config"] = {"task": task}
    own = model.document.get("metadata")
    if isinstance(own, dict) and _chosen(own, _SUMMARIZED_METADATA):
        document["metadata"] = _chosen(own, _SUMMARIZED_METADATA)
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _chosen(settings: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: settings[key] for key in keys if settings.get(key) is not None}


def from_summary(text: str) -> ModelMetadata:
    """The metadata in a summary; there is no folder.

    Raises:
        MetadataError: it is no summary.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise MetadataError(f"parameter '{PARAMETER}' is not JSON: {error}; write config.pbtxt again.") from None
    if not isinstance(document, dict):
        raise MetadataError(f"parameter '{PARAMETER}' is no JSON object; write config.pbtxt again.")
    return _from_document(Path(), Path("config.pbtxt"), document)


def read(folder: Path) -> ModelMetadata:
    """Read `folder/MLmodel`.

    Raises:
        MetadataError: no such file, or it cannot be parsed; the text names file, place and remedy.
    """
    path = folder / "MLmodel"
    return _from_document(folder, path, _parse_yaml(path))


def _from_document(folder: Path, path: Path, document: dict[str, Any]) -> ModelMetadata:
    flavors = document.get("flavors")
    if not isinstance(flavors, dict) or not flavors:
        raise MetadataError(f"{path}: no 'flavors'; save the model again with mlflow.<flavor>.save_model.")
    flavors = {str(name): settings or {} for name, settings in flavors.items()}
    own = document.get("metadata")
    own = own if isinstance(own, dict) else {}
    is_chat = chat.is_chat(flavors, own.get("task"))
    return ModelMetadata(
        folder=folder,
        flavors=flavors,
        signature=_signature(path, document.get("signature"), flavors),
        input_example=_input_example(folder, document.get("saved_input_example_info")),
        mlflow_version=str(document.get("mlflow_version") or ""),
        from_type_hints=bool(document.get("is_signature_from_type_hint")),
        is_chat=is_chat,
        max_batch_size=1 if is_chat else _max_batch_size(path, own, flavors),
        document=document,
    )


def _parse_yaml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise MetadataError(
            f"{path.parent}: no MLmodel file in it, so it is not an MLflow model; give the folder that "
            "mlflow.<flavor>.save_model wrote."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise MetadataError(f"{path}: cannot be read: {error}") from None
    try:
        document = yaml.load(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise MetadataError(f"{path}: not YAML: {_one_line(error)}; save the model again.") from None
    if not isinstance(document, dict):
        raise MetadataError(f"{path}: holds {type(document).__name__}, not a mapping; save the model again.")
    return document


def _max_batch_size(path: Path, own: Mapping[str, Any], flavors: tasks.Flavors) -> int | None:
    if not tasks.row_by_row(flavors):
        return 0
    value = own.get(MAX_BATCH_SIZE)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MetadataError(
            f"{path}: 'metadata.{MAX_BATCH_SIZE}' is {value!r}; save the model with the most rows that predict may "
            "get, or 0 if requests must not be batched."
        )
    return value


def _signature(path: Path, raw: object, flavors: tasks.Flavors) -> Signature | None:
    if raw is None:
        return None
    if not isinstance(raw, dict):
        raise MetadataError(f"{path}: 'signature' is {type(raw).__name__}, not a mapping; save the model again.")
    inputs, outputs, params = (_specs(path, part, raw.get(part)) for part in ("inputs", "outputs", "params"))
    return Signature(inputs, tasks.outputs(outputs, flavors), params)


def _specs(path: Path, part: str, raw: object) -> tuple[Mapping[str, Any], ...] | None:
    if raw is None:
        return None
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except json.JSONDecodeError as error:
            raise MetadataError(
                f"{path}: 'signature.{part}' is not JSON: {error}; give the model a signature again with "
                "mlflow.models.set_signature."
            ) from None
    if raw is None:
        return None
    if isinstance(raw, dict):
        raw = [raw]
    if not isinstance(raw, list) or not all(isinstance(spec, dict) for spec in raw):
        raise MetadataError(f"{path}: 'signature.{part}' is not a list of JSON objects; save the model again.")
    return tuple(raw)


def _input_example(folder: Path, raw: object) -> InputExample | None:
    if not isinstance(raw, dict) or not raw.get("artifact_path"):
        return None
    serving = raw.get("serving_input_path")
    return InputExample(
        path=folder / str(raw["artifact_path"]),
        kind=str(raw.get("type") or ""),
        serving_path=folder / str(serving) if serving else None,
    )


def _one_line(error: object) -> str:
    return " ".join(str(error).split())
