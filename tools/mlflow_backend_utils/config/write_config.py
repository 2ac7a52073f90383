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
_MAX_QUEUE_DELAY = flags.DEFINE_integer("max_queue_delay_microseconds", 0, "How long a request may wait for others.")
_PREFERRED = flags.DEFINE_multi_integer("preferred_batch_size", [], "Batch size to send at once; repeatable.")
_STREAMING = flags.DEFINE_bool("streaming", False, "Decoupled transaction policy: answers in pieces.")
_VERSION_POLICY = flags.DEFINE_string("version_policy", "", "'all', 'latest:N' or 'specific:N,N'.")
_PARAMETERS = flags.DEFINE_multi_string("parameter", [], "KEY=VALUE for `parameters`; repeatable.")
_HANDWRITTEN = flags.DEFINE_string("handwritten", None, "A config.pbtxt to complete and check.")


def _parameters(pairs: list[str]) -> dict[str, str]:
    parameters = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise ConfigError(f"--parameter is '{pair}'; write it as KEY=VALUE.")
        parameters[key] = value
    return parameters


def _options() -> ConfigOptions:
    return ConfigOptions(
        name=_NAME.value,
        max_batch_size=_MAX_BATCH_SIZE.value,
        env_path=_ENV_PATH.value,
        instance_count=_INSTANCE_COUNT.value,
        instance_kind=_INSTANCE_KIND.value,
        dynamic_batching=_DYNAMIC_BATCHING.value,
        max_queue_delay_microseconds=_MAX_QUEUE_DELAY.value,
        preferred_batch_sizes=tuple(_PREFERRED.value),
        streaming=_STREAMING.value,
        version_policy=_VERSION_POLICY.value,
        parameters=_parameters(_PARAMETERS.value),
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
