"""What `-C name=value` can say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlflow_backend_utils.config.options import ENV_PATH, INSTANCE_KINDS, ConfigError, ConfigOptions
from mlflow_backend_utils.deployments import errors

_PARAMETER = "parameters."

KEYS: Mapping[str, str] = {
    "conda_pack": "execution environment to copy beside the model: an archive of conda-pack, or a folder",
    "env_path": "execution environment that is there already, as the server sees it; without both: the server's own",
    "stub": "triton_python_backend_stub to copy beside the model, for the Python of its environment",
    "config": "a config.pbtxt whose content is kept, completed and checked",
    "max_batch_size": "rows of one batch; 64, and 0 for models without a row axis",
    "instance_count": "instances of the model",
    "instance_kind": f"one of {', '.join(INSTANCE_KINDS)}",
    "dynamic_batching": "true or false: the server gathers requests",
    "max_queue_delay_microseconds": "how long a request may wait for others",
    "preferred_batch_sizes": "N,N,…: batch sizes to send at once",
    "priority_levels": "requests may have a priority from 1 to this",
    "queue_timeout_microseconds": "a request that waits for longer is refused",
    "max_queue_size": "a request that finds so many waiting is refused",
    "response_cache": "true or false: repeated requests are answered from the server's cache",
    "answer_form": "true (the default here) or false: one more output tells `predict` the form of an answer",
    "warm_up": "true or false: the model answers its input example before it is ready",
    "streaming": "true or false: answers in pieces, the decoupled transaction policy",
    f"{_PARAMETER}NAME": "a parameter of config.pbtxt",
    "tritonserver": "run-local: the server's program; the one of PATH if not given",
    "backend": "run-local: folder of the backend `mlflow`, where the server does not have it",
    "http_port": "run-local: port of the HTTP endpoint; any free one if not given",
}

_LOCAL = ("tritonserver", "backend", "http_port")


@dataclass(frozen=True)
class DeploymentOptions:
    """Options of one deployment.

    Attributes:
        config: settings of `config.pbtxt`, without name.
        conda_pack: archive or folder to copy; None: there is none.
        stub: stub to copy; None: there is none.
        local: options of `run-local`.
    """

    config: ConfigOptions
    conda_pack: Path | None = None
    stub: Path | None = None
    local: Mapping[str, str] | None = None


def read(given: Mapping[str, Any] | None) -> DeploymentOptions:
    """The options in `config` of MLflow's API, whose values may be texts.

    Raises:
        MlflowException: a name is unknown, or a value is not allowed.
    """
    values = {name: _text(value) for name, value in (given or {}).items()}
    known = [name for name in KEYS if not name.startswith(_PARAMETER)]
    unknown = [name for name in values if name not in known and not name.startswith(_PARAMETER)]
    if unknown:
        raise errors.refused(f"option '{unknown[0]}' is unknown; known are {', '.join(KEYS)}.")
    if "conda_pack" in values and "env_path" in values:
        raise errors.refused("give either conda_pack, to copy an environment, or env_path, for one on the server.")
    conda_pack, stub = (_path(values, name) for name in ("conda_pack", "stub"))
    config = ConfigOptions(env_path=_env_path(conda_pack, values), answer_form=True)
    for name, parse in _PARSERS.items():
        if name in values:
            config = replace(config, **{name: parse(name, values[name])})
    if handwritten := _path(values, "config"):
        config = replace(config, handwritten=handwritten.read_text(encoding="utf-8"))
    parameters = {key.removeprefix(_PARAMETER): text for key, text in values.items() if key.startswith(_PARAMETER)}
    # Without batches the server has nothing to gather.
    config = replace(
        config, parameters=parameters, dynamic_batching=config.dynamic_batching and config.max_batch_size > 0
    )
    try:
        config.check()
    except ConfigError as error:
        raise errors.refused(str(error)) from None
    return DeploymentOptions(config, conda_pack, stub, {name: values[name] for name in _LOCAL if name in values})


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _path(values: Mapping[str, str], name: str) -> Path | None:
    if name not in values:
        return None
    path = Path(values[name])
    if not path.exists():
        raise errors.refused(f"option {name}: {path} does not exist.")
    return path


def _env_path(conda_pack: Path | None, values: Mapping[str, str]) -> str:
    if conda_pack is None:
        return values.get("env_path", "")
    return ENV_PATH if conda_pack.is_file() else "$$TRITON_MODEL_DIRECTORY/env"


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise errors.refused(f"option {name} is '{text}'; give a number.") from None


def _numbers(name: str, text: str) -> tuple[int, ...]:
    return tuple(_number(name, part) for part in text.split(",") if part.strip())


def _truth(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise errors.refused(f"option {name} is '{text}'; give true or false.")
    return text.lower() == "true"


def _as_it_is(name: str, text: str) -> str:
    return text


_PARSERS: Mapping[str, Callable[[str, str], Any]] = {
    "max_batch_size": _number,
    "instance_count": _number,
    "instance_kind": _as_it_is,
    "dynamic_batching": _truth,
    "max_queue_delay_microseconds": _number,
    "preferred_batch_sizes": _numbers,
    "priority_levels": _number,
    "queue_timeout_microseconds": _number,
    "max_queue_size": _number,
    "response_cache": _truth,
    "answer_form": _truth,
    "warm_up": _truth,
    "streaming": _truth,
}
