"""What a caller can ask of a configuration beyond what the signature says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

ENV_PATH = "$$TRITON_MODEL_DIRECTORY/conda-pack.tar.gz"
INSTANCE_KINDS = ("KIND_AUTO", "KIND_CPU", "KIND_GPU", "KIND_MODEL")
_OF_THE_QUEUE = ("priority_levels", "queue_timeout_microseconds", "max_queue_size")
_NOT_NEGATIVE = (
    "max_batch_size",
    "instance_count",
    "max_queue_delay_microseconds",
    "rate_limiter_priority",
    *_OF_THE_QUEUE,
)


class ConfigError(Exception):
    """No configuration can be written; one line that says what was given, what is allowed and what to do."""


@dataclass(frozen=True)
class ConfigOptions:
    """Settings of the configuration; a hand-written configuration wins over all of them.

    Attributes:
        name: the model's name; "": not written, the model then has its folder's name.
        max_batch_size: rows of one batch; 0: no batching. A model without a row axis gets 0 whatever is asked.
        env_path: `EXECUTION_ENV_PATH`; "": not written.
        instance_count: instances; 0: not written, Triton's default.
        instance_kind: one of `INSTANCE_KINDS`; "": Triton's choice.
        dynamic_batching: let Triton gather requests; only with `max_batch_size` above 0.
        allow_ragged_batch: let it gather requests whose rows have different shapes, too, where the signature has
            variable axes besides the rows. Each `predict` still gets rows of one shape.
        max_queue_delay_microseconds: how long a request may wait for others.
        preferred_batch_sizes: batch sizes to send at once.
        priority_levels: requests may have a priority from 1, the most urgent, to this; 0: all are alike. One that says
            nothing gets the middle one.
        queue_timeout_microseconds: a request that waits for longer is refused; 0: it waits for as long as it takes.
        max_queue_size: a request that finds so many waiting is refused; 0: there is no limit.
        response_cache: answer what was answered before from the server's cache, if it has one (`--cache-config`).
        rate_limiter_resources: resources that an instance needs to work, with their numbers, for servers with
            `--rate-limit=execution_count`.
        rate_limiter_priority: a greater one gets resources less often; 0: not written, Triton's default is 1.
        answer_form: one more output tells in which form the model answered, for scoring gateways and clients.
        warm_up: have the model answer its input example before it is ready.
        streaming: the decoupled transaction policy: answers come in pieces where the model can do that.
        version_policy: "", "all", "latest:N" or "specific:N,N…".
        parameters: further `parameters`.
        handwritten: text of a `config.pbtxt` whose content is kept, completed and checked.
    """

    name: str = ""
    max_batch_size: int = 64
    env_path: str = ENV_PATH
    instance_count: int = 0
    instance_kind: str = ""
    dynamic_batching: bool = True
    allow_ragged_batch: bool = True
    max_queue_delay_microseconds: int = 0
    preferred_batch_sizes: tuple[int, ...] = ()
    priority_levels: int = 0
    queue_timeout_microseconds: int = 0
    max_queue_size: int = 0
    response_cache: bool = False
    rate_limiter_resources: Mapping[str, int] = field(default_factory=dict)
    rate_limiter_priority: int = 0
    answer_form: bool = False
    warm_up: bool = False
    streaming: bool = False
    version_policy: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    handwritten: str | None = None

    def check(self) -> None:
        """Raises: ConfigError: an option is outside what its description allows."""
        for option in _NOT_NEGATIVE:
            value = getattr(self, option)
            if value < 0:
                raise ConfigError(f"{option} is {value}; it must be 0 or more.")
        for option in _OF_THE_QUEUE:
            if getattr(self, option) and not (self.max_batch_size and self.dynamic_batching):
                raise ConfigError(f"{option} needs dynamic batching, with a max_batch_size above 0.")
        if self.response_cache and self.streaming:
            raise ConfigError("response_cache and streaming exclude each other: streamed answers are not cached.")
        for name, count in self.rate_limiter_resources.items():
            if not name or count < 1:
                raise ConfigError(f"rate_limiter_resources has '{name}': {count}; give each a name and at least 1.")
        if self.instance_kind not in ("", *INSTANCE_KINDS):
            raise ConfigError(f"instance_kind is '{self.instance_kind}'; allowed are {', '.join(INSTANCE_KINDS)}.")
        if any(not 0 < size <= self.max_batch_size for size in self.preferred_batch_sizes):
            raise ConfigError(
                f"preferred_batch_sizes are {list(self.preferred_batch_sizes)}; each must be from 1 to max_batch_size, "
                f"which is {self.max_batch_size}."
            )
        if self.version_policy and not re.fullmatch(
            r"all|latest:[1-9]\d*|specific:[1-9]\d*(,[1-9]\d*)*", self.version_policy
        ):
            raise ConfigError(
                f"version_policy is '{self.version_policy}'; allowed are 'all', 'latest:N' and 'specific:N,N,…'."
            )
