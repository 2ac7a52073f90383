"""From an MLflow model to a model folder of Triton, by flavor."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from mlflow_backend import metadata
from mlflow_backend.errors import BackendError
from mlflow_backend.metadata import ModelMetadata
from mlflow_backend_utils.config.options import ConfigError
from mlflow_backend_utils.config.writer import render_config
from mlflow_backend_utils.deployments import errors
from mlflow_backend_utils.deployments.options import DeploymentOptions

PYTHON_FUNCTION = "python_function"
_CONFIG = "config.pbtxt"


def choose(model: Path, wanted: str | None) -> str:
    """The flavor to deploy a model folder with.

    Args:
        model: folder with `MLmodel`.
        wanted: what the caller asks for; any flavor that pyfunc loads means `python_function`. None: `triton` where the
            model has it, else `python_function`, else `onnx`.

    Raises:
        MlflowException: the model does not have it, or cannot be read.
    """
    flavors = _read(model).flavors
    candidates = ("triton", PYTHON_FUNCTION, "onnx") if wanted is None else (wanted,)
    for flavor in candidates:
        if flavor in flavors:
            if flavor in _LAYOUTS:
                return flavor
            if PYTHON_FUNCTION in flavors:
                return PYTHON_FUNCTION
    asked = f"the flavor '{wanted}'" if wanted else "a flavor that Triton can serve"
    raise errors.refused(f"the model does not have {asked}; it has {', '.join(flavors)}.")


def lay_out(flavor: str, model: Path, name: str, version: int, options: DeploymentOptions, target: Path) -> None:
    """Write the model folder `target`, which must not exist.

    Args:
        flavor: from `choose`.
        model: folder with `MLmodel`.
        name: the model's name in Triton.
        version: number of its version.
        options: what the caller asks for.
        target: folder to write.

    Raises:
        MlflowException: the model or the options do not allow it.
    """
    target.mkdir(parents=True)
    _LAYOUTS[flavor](model, name, version, options, target)


def _read(model: Path) -> ModelMetadata:
    try:
        return metadata.read(model)
    except BackendError as error:
        raise errors.refused(str(error)) from None


def _lay_out_mlflow(model: Path, name: str, version: int, options: DeploymentOptions, target: Path) -> None:
    try:
        text = render_config(model, replace(options.config, name=name))
    except ConfigError as error:
        raise errors.refused(str(error)) from None
    (target / _CONFIG).write_text(text, encoding="utf-8")
    shutil.copytree(model, target / str(version))
    if options.stub:
        shutil.copy(options.stub, target / "triton_python_backend_stub")
        (target / "triton_python_backend_stub").chmod(0o755)
    if options.conda_pack and options.conda_pack.is_file():
        shutil.copy(options.conda_pack, target / "conda-pack.tar.gz")
    elif options.conda_pack:
        shutil.copytree(options.conda_pack, target / "env", symlinks=True)


def _lay_out_triton(model: Path, name: str, version: int, options: DeploymentOptions, target: Path) -> None:
    """The model holds what Triton serves; it keeps its own versions, and a name of its own is replaced."""
    data = str(_read(model).flavors["triton"].get("data") or "")
    source = (model / data).resolve()
    if not data or not source.is_dir() or not source.is_relative_to(model.resolve()):
        raise errors.refused(
            f"{model}: the flavor 'triton' has no folder 'data'; log the model with a Triton model folder."
        )
    shutil.copytree(source, target, dirs_exist_ok=True)
    written = target / _CONFIG
    _write_config(written, name, written.read_text(encoding="utf-8") if written.exists() else "", "")


def _lay_out_onnx(model: Path, name: str, version: int, options: DeploymentOptions, target: Path) -> None:
    data = str(_read(model).flavors["onnx"].get("data") or "")
    source = (model / data).resolve()
    if not data or not source.exists() or not source.is_relative_to(model.resolve()):
        raise errors.refused(f"{model}: the flavor 'onnx' has no 'data'; save the model with mlflow.onnx.save_model.")
    folder = target / str(version)
    if source.is_dir():
        shutil.copytree(source, folder)
    else:
        folder.mkdir()
        shutil.copy(source, folder / "model.onnx")
    # The backend completes inputs and outputs from the file.
    _write_config(target / _CONFIG, name, options.config.handwritten or "", "onnxruntime")


def _write_config(path: Path, name: str, text: str, backend: str) -> None:
    """Write a configuration with this name, and this backend if it says none."""
    from mlflow_backend_utils.config import messages

    config = messages.model_config().ModelConfig()
    try:
        messages.text_format().Parse(text, config)
    except messages.text_format().ParseError as error:
        raise errors.refused(f"{path.name}: cannot be parsed, line:column {error}; correct it.") from None
    config.name = name
    if not config.backend and not config.platform:
        config.backend = backend
    path.write_text(messages.text_format().MessageToString(config, as_utf8=True), encoding="utf-8")


_LAYOUTS: Mapping[str, Callable[[Path, str, int, DeploymentOptions, Path], None]] = {
    PYTHON_FUNCTION: _lay_out_mlflow,
    "triton": _lay_out_triton,
    "onnx": _lay_out_onnx,
}
