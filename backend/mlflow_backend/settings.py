"""What `parameters` of `config.pbtxt` say to the backend.

| key              | value                                                                                         |
| ---------------- | --------------------------------------------------------------------------------------------- |
| `model_config`   | JSON object: overrides of the model's own settings, as `mlflow.pyfunc.load_model` takes them  |
| `log_requests`   | `all`: a line of JSON for each request in the server's log; `errors`: for failed ones; `none` |
| `env.NAME`       | environment variable NAME of the model's process                                              |
| `memory_limit`   | memory of the process of each instance: bytes, or a number with KiB, MiB, GiB or TiB          |
| `stream_threads` | answers that one instance streams at once, 1 to 1000                                          |
| `answer_form`    | `true`: one more output tells in which form the model answers, see forms.py; `false`          |
| `warm_up`        | `true`: the model answers its input example before it is ready; `false`: it does not          |
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlflow_backend import forms, memory, requestlog
from mlflow_backend.errors import ConfigMismatchError

DEFAULT_STREAM_THREADS = 8
WARM_UP = "warm_up"
_MEMORY_LIMIT = "memory_limit"
_LOG_REQUESTS = "log_requests"
_MOST_STREAM_THREADS = 1000
_ENVIRONMENT_PREFIX = "env."
# What `mlflow models serve` reads its overrides from.
_SERVING_MODEL_CONFIG = "SERVING_MODEL_CONFIG"


@dataclass(frozen=True)
class Settings:
    """Settings of one model.

    Attributes:
        model_config: overrides for the model; None: there are none.
        environment: variables to set before the model is loaded.
        stream_threads: answers streamed at once.
        answer_form: one more output tells the form of an answer.
        warm_up: the model answers its input example before it is ready.
        log_requests: one of `requestlog.CHOICES`.
        memory_limit: bytes that the model's process may have, see `memory`; 0: there is no limit.
        decoupled: the model has the decoupled transaction policy.
        max_batch_size: rows of one batch; 0: the model has no hidden row axis.
    """

    model_config: Mapping[str, Any] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    stream_threads: int = DEFAULT_STREAM_THREADS
    answer_form: bool = False
    warm_up: bool = False
    log_requests: str = "none"
    memory_limit: int = 0
    decoupled: bool = False
    max_batch_size: int = 0


def read(config: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """The settings in a model's configuration.

    Args:
        config: the configuration as Triton hands it to `initialize`.
        environ: variables of the process; `SERVING_MODEL_CONFIG` is used where the configuration has no `model_config`.

    Raises:
        ConfigMismatchError: a value is not what its key wants; names both.
    """
    values = {key: _text(value) for key, value in (config.get("parameters") or {}).items()}
    policy = config.get("model_transaction_policy") or {}
    return Settings(
        model_config=_model_config(values.get("model_config"), environ.get(_SERVING_MODEL_CONFIG)),
        environment={
            key[len(_ENVIRONMENT_PREFIX) :]: value
            for key, value in values.items()
            if key.startswith(_ENVIRONMENT_PREFIX) and key != _ENVIRONMENT_PREFIX
        },
        stream_threads=_threads(values.get("stream_threads")),
        answer_form=_truth(values, forms.PARAMETER),
        warm_up=_truth(values, WARM_UP),
        log_requests=_choice(_LOG_REQUESTS, values.get(_LOG_REQUESTS, "none"), requestlog.CHOICES),
        memory_limit=_size(_MEMORY_LIMIT, values[_MEMORY_LIMIT]) if _MEMORY_LIMIT in values else 0,
        decoupled=bool(policy.get("decoupled")),
        max_batch_size=int(config.get("max_batch_size") or 0),
    )


def _truth(values: Mapping[str, str], key: str) -> bool:
    return _choice(key, values.get(key, "false"), ("true", "false")) == "true"


def _text(value: object) -> str:
    return str(value.get("string_value", "")) if isinstance(value, Mapping) else str(value)


def _model_config(written: str | None, inherited: str | None) -> Mapping[str, Any] | None:
    text = written or inherited
    if not text:
        return None
    place = "parameter 'model_config'" if written else f"environment variable {_SERVING_MODEL_CONFIG}"
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ConfigMismatchError(f"{place} is not JSON: {error}; write a JSON object.") from None
    if not isinstance(value, dict):
        raise ConfigMismatchError(f"{place} is {type(value).__name__} in JSON; write an object.")
    return value


def _threads(text: str | None) -> int:
    if text is None:
        return DEFAULT_STREAM_THREADS
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= _MOST_STREAM_THREADS:
        raise ConfigMismatchError(
            f"parameter 'stream_threads' is '{text[:80]}'; write a number from 1 to {_MOST_STREAM_THREADS}."
        )
    return int(text)


def _size(key: str, text: str) -> int:
    try:
        return memory.parse(text)
    except ValueError as error:
        raise ConfigMismatchError(f"parameter '{key}' is '{text[:80]}'; {error}.") from None


def _choice(key: str, text: str, allowed: Sequence[str]) -> str:
    if text not in allowed:
        words = " or ".join(f"'{word}'" for word in allowed)
        raise ConfigMismatchError(f"parameter '{key}' is '{text[:80]}'; write {words}.")
    return text
