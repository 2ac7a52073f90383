"""Write the `config.pbtxt` of an MLflow model.

usage: write_config --model FOLDER --out FILE [options]
"""

from __future__ import annotations

import sys
from pathlib import Path

from absl import app, flags

from mlflow_backend_utils.config.options import ENV_PATH, INSTANCE_KINDS, ConfigError, ConfigOptions
from mlflow_backend_utils.config.writer import render_config

_MODEL = flags.DEFINE_string("model", None, "Folder that holds MLmodel.", required=True)
_OUT = flags.DEFINE_string("out", None, "File to write.", required=True)
_NAME = flags.DEFINE_string("name", "", "The model's name in Triton.")
_MAX_BATCH_SIZE = flags.DEFINE_integer("max_batch_size", 64, "Rows of one batch; 0: no batching.")
_ENV_PATH = flags.DEFINE_string("env_path", ENV_PATH, "EXECUTION_ENV_PATH; empty: not written.")
_INSTANCE_COUNT = flags.DEFINE_integer("instance_count", 0, "Instances; 0: Triton's default.")
_INSTANCE_KIND = flags.DEFINE_enum("instance_kind", "", ["", *INSTANCE_KINDS], "Where instances run.")
_DYNAMIC_BATCHING = flags.DEFINE_bool("dynamic_batching", False, "Let Triton gather requests.")
_RAGGED = flags.DEFINE_bool("allow_ragged_batch", True, "Gather requests whose rows have different shapes, too.")
_MAX_QUEUE_DELAY = flags.DEFINE_integer("max_queue_delay_microseconds", 0, "How long a request may wait for others.")
_PREFERRED = flags.DEFINE_multi_integer("preferred_batch_size", [], "Batch size to send at once; repeatable.")
_PRIORITY_LEVELS = flags.DEFINE_integer("priority_levels", 0, "Priorities of requests; 0: all are alike.")
_QUEUE_TIMEOUT = flags.DEFINE_integer("queue_timeout_microseconds", 0, "How long a request may wait; 0: for ever.")
_MAX_QUEUE_SIZE = flags.DEFINE_integer("max_queue_size", 0, "How many requests may wait; 0: any number.")
_RESPONSE_CACHE = flags.DEFINE_bool("response_cache", False, "Answer repeated requests from the server's cache.")
_RESOURCES = flags.DEFINE_multi_string("rate_limiter_resource", [], "NAME=COUNT that an instance needs; repeatable.")
_RATE_PRIORITY = flags.DEFINE_integer("rate_limiter_priority", 0, "Of the instances; 0: Triton's default.")
_ANSWER_FORM = flags.DEFINE_bool("answer_form", False, "One more output tells the form of an answer, for gateways.")
_WARM_UP = flags.DEFINE_bool("warm_up", False, "Answer the input example before the model is ready.")
_STREAMING = flags.DEFINE_bool("streaming", False, "Decoupled transaction policy: answers in pieces.")
_VERSION_POLICY = flags.DEFINE_string("version_policy", "", "'all', 'latest:N' or 'specific:N,N'.")
_PARAMETERS = flags.DEFINE_multi_string("parameter", [], "KEY=VALUE for `parameters`; repeatable.")
_HANDWRITTEN = flags.DEFINE_string("handwritten", None, "A config.pbtxt to complete and check.")


def _pairs(flag: str, pairs: list[str]) -> dict[str, str]:
    values = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise ConfigError(f"--{flag} is '{pair}'; write it as KEY=VALUE.")
        values[key] = value
    return values


def _counts(flag: str, pairs: list[str]) -> dict[str, int]:
    values = _pairs(flag, pairs)
    for key, value in values.items():
        if not value.isascii() or not value.isdigit():
            raise ConfigError(f"--{flag} is '{key}={value}'; write a number behind the '='.")
    return {key: int(value) for key, value in values.items()}


def _options() -> ConfigOptions:
    return ConfigOptions(
        name=_NAME.value,
        max_batch_size=_MAX_BATCH_SIZE.value,
        env_path=_ENV_PATH.value,
        instance_count=_INSTANCE_COUNT.value,
        instance_kind=_INSTANCE_KIND.value,
        allow_ragged_batch=_RAGGED.value,
        dynamic_batching=_DYNAMIC_BATCHING.value,
        max_queue_delay_microseconds=_MAX_QUEUE_DELAY.value,
        preferred_batch_sizes=tuple(_PREFERRED.value),
        priority_levels=_PRIORITY_LEVELS.value,
        queue_timeout_microseconds=_QUEUE_TIMEOUT.value,
        max_queue_size=_MAX_QUEUE_SIZE.value,
        response_cache=_RESPONSE_CACHE.value,
        rate_limiter_resources=_counts("rate_limiter_resource", _RESOURCES.value),
        rate_limiter_priority=_RATE_PRIORITY.value,
        answer_form=_ANSWER_FORM.value,
        warm_up=_WARM_UP.value,
        streaming=_STREAMING.value,
        version_policy=_VERSION_POLICY.value,
        parameters=_pairs("parameter", _PARAMETERS.value),
        handwritten=Path(_HANDWRITTEN.value).read_text(encoding="utf-8") if _HANDWRITTEN.value else None,
    )


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments {argv[1:]}")
    try:
        Path(_OUT.value).write_text(render_config(Path(_MODEL.value), _options()), encoding="utf-8")
    except (ConfigError, OSError, UnicodeDecodeError) as error:
        print(f"write_config: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    app.run(main)
