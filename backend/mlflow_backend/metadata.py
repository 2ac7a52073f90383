"""What an MLflow model says about itself, read from its `MLmodel` file without MLflow.

The file is YAML; `signature.inputs`, `.outputs` and `.params` are JSON texts inside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mlflow_backend.errors import MetadataError

# libyaml's loader is ten times as fast; not every build of PyYAML has it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
        document: the whole file, parsed.
    """

    folder: Path
    flavors: Mapping[str, Mapping[str, Any]]
    signature: Signature | None
    input_example: InputExample | None
    mlflow_version: str
    from_type_hints: bool
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


# The parameter of `config.pbtxt` with `summary`.
PARAMETER = "mlmodel"
_SUMMARIZED = ("signature", "is_signature_from_type_hint", "type_hint_from_example", "mlflow_version")


def summary(model: ModelMetadata) -> str:
    """What a client has to know of the `MLmodel` file, as JSON text in the file's own terms."""
    document = {key: model.document[key] for key in _SUMMARIZED if model.document.get(key)}
    loader = model.flavors.get("python_function", {}).get("loader_module")
    document["flavors"] = {"python_function": {"loader_module": loader}}
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


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
    return ModelMetadata(
        folder=folder,
        flavors={str(name): settings or {} for name, settings in flavors.items()},
        signature=_signature(path, document.get("signature")),
        input_example=_input_example(folder, document.get("saved_input_example_info")),
        mlflow_version=str(document.get("mlflow_version") or ""),
        from_type_hints=bool(document.get("is_signature_from_type_hint")),
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


def _signature(path: Path, raw: object) -> Signature | None:
    if raw is None:
        return None
    if not isinstance(raw, dict):
        raise MetadataError(f"{path}: 'signature' is {type(raw).__name__}, not a mapping; save the model again.")
    return Signature(*(_specs(path, part, raw.get(part)) for part in ("inputs", "outputs", "params")))


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
