"""From an MLflow model folder to the text of `config.pbtxt`.

Neither MLflow nor NumPy is imported, so a configuration is written in a fraction of a second.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlflow_backend import conflicts, metadata, schema
from mlflow_backend.errors import BackendError
from mlflow_backend.forms import PARAMETER as ANSWER_FORM
from mlflow_backend.schema import Field, ModelSchema
from mlflow_backend.settings import WARM_UP
from mlflow_backend_utils.config import messages
from mlflow_backend_utils.config.options import ConfigError, ConfigOptions

__all__ = ["ConfigError", "ConfigOptions", "render_config"]

BACKEND = "mlflow"


def render_config(model_dir: Path, options: ConfigOptions | None = None) -> str:
    """The text of `config.pbtxt` for an MLflow model; the same input always gives the same text.

    Args:
        model_dir: folder that holds `MLmodel`.
        options: what is wanted beyond the signature; None: the defaults.

    Raises:
        ConfigError: the model, the options or the hand-written configuration do not allow one.
    """
    options = options or ConfigOptions()
    options.check()
    try:
        model = metadata.read(model_dir)
        own = schema.build(model.signature, model.max_batch_size)
        model_schema = replace(own, tells_form=options.answer_form)
    except BackendError as error:
        raise ConfigError(_with_folder(model_dir, str(error))) from None
    config = _parse(options.handwritten)
    _set_identity(config, options)
    _set_max_batch_size(config, options, model_schema)
    _refuse_conflicts(config, model_schema)
    batched = config.max_batch_size > 0
    _fill_tensors(config.input, (*model_schema.inputs, *model_schema.param_inputs), batched)
    # Of a model that does not say its outputs, the backend completes them all.
    _fill_tensors(config.output, model_schema.all_outputs if model_schema.outputs else (), batched)
    if options.allow_ragged_batch and batched:
        _allow_ragged_batch(config.input, model_schema.inputs)
    # With an input example the backend completes the configuration when the server loads the model.
    if not config.output and model.input_example is None:
        raise ConfigError(
            f"{model_dir}: the signature has no outputs, no hand-written configuration names them, and there is no "
            "input example from which the server could infer them; save the model with "
            "signature=mlflow.models.infer_signature(inputs, outputs), or write the outputs by hand."
        )
    if options.warm_up and model.input_example is None:
        raise ConfigError(f"{model_dir}: warm_up needs an input example; save the model with input_example=….")
    _set_scheduling(config, options)
    _set_response_cache(config, options)
    _set_transaction_policy(config, options)
    _set_instances(config, options)
    _set_version_policy(config, options)
    _set_parameters(config, options, model)
    return str(messages.text_format().MessageToString(config, as_utf8=True))


def _with_folder(model_dir: Path, text: str) -> str:
    return text if str(model_dir) in text else f"{model_dir}: {text}"


def _parse(handwritten: str | None) -> Any:
    config = messages.model_config().ModelConfig()
    if handwritten is None:
        return config
    try:
        return messages.text_format().Parse(handwritten, config)
    except messages.text_format().ParseError as error:
        raise ConfigError(f"hand-written config.pbtxt: cannot be parsed, line:column {error}; correct it.") from None


def _set_identity(config: Any, options: ConfigOptions) -> None:
    if config.name and options.name and config.name != options.name:
        raise ConfigError(
            f"hand-written config.pbtxt: name is '{config.name}', but the model is '{options.name}'; remove 'name'."
        )
    config.name = config.name or options.name
    if config.backend not in ("", BACKEND):
        raise ConfigError(
            f"hand-written config.pbtxt: backend is '{config.backend}', but only '{BACKEND}' serves MLflow models; "
            "remove 'backend'."
        )
    config.backend = BACKEND


def _set_max_batch_size(config: Any, options: ConfigOptions, model_schema: ModelSchema) -> None:
    # A written 0 and none at all parse alike, and mean different things.
    if options.handwritten is not None and re.search(r"^\s*max_batch_size\s*:", options.handwritten, re.MULTILINE):
        return
    config.max_batch_size = model_schema.at_most(options.max_batch_size)


def _refuse_conflicts(config: Any, model_schema: ModelSchema) -> None:
    problems = conflicts.find(
        model_schema, config.max_batch_size, _tensor_configs(config.input), _tensor_configs(config.output)
    )
    if problems:
        raise ConfigError("hand-written config.pbtxt contradicts the signature: " + " ".join(problems))


def _tensor_configs(entries: Iterable[Any]) -> list[conflicts.TensorConfig]:
    names = messages.model_config().DataType
    return [
        conflicts.TensorConfig(
            name=entry.name,
            data_type=names.Name(entry.data_type) if entry.data_type else "",
            dims=tuple(entry.dims),
            optional=bool(getattr(entry, "optional", False)),
            ragged=bool(getattr(entry, "allow_ragged_batch", False)),
        )
        for entry in entries
    ]


def _fill_tensors(entries: Any, fields: Sequence[Field], batched: bool) -> None:
    """Complete the entries that are there and add the others, in the signature's order."""
    values = messages.model_config().DataType
    known = {entry.name: entry for entry in entries}
    for part in fields:
        entry = known.get(part.name)
        if entry is None:
            entry = entries.add(name=part.name)
        entry.data_type = entry.data_type or values.Value(part.carrier.data_type)
        if not entry.dims:
            entry.dims.extend(part.dims(batched))
        if part.optional and hasattr(entry, "optional"):
            entry.optional = True


def _allow_ragged_batch(entries: Iterable[Any], fields: Sequence[Field]) -> None:
    """Let Triton gather requests whose rows have different shapes; the backend groups them by shape."""
    ragged = {part.name for part in fields if part.is_ragged}
    for entry in entries:
        if entry.name in ragged and -1 in entry.dims:
            entry.allow_ragged_batch = True


def _set_scheduling(config: Any, options: ConfigOptions) -> None:
    if config.max_batch_size == 0 or not options.dynamic_batching:
        return
    if config.WhichOneof("scheduling_choice") is not None:
        return
    batching = config.dynamic_batching
    batching.SetInParent()
    batching.max_queue_delay_microseconds = options.max_queue_delay_microseconds
    batching.preferred_batch_size.extend(sorted(options.preferred_batch_sizes))
    if options.priority_levels:
        batching.priority_levels = options.priority_levels
        batching.default_priority_level = (options.priority_levels + 1) // 2
    if options.queue_timeout_microseconds or options.max_queue_size:
        queue = batching.default_queue_policy
        queue.max_queue_size = options.max_queue_size
        queue.default_timeout_microseconds = options.queue_timeout_microseconds
        queue.allow_timeout_override = True


def _set_response_cache(config: Any, options: ConfigOptions) -> None:
    if options.response_cache and not config.HasField("response_cache"):
        config.response_cache.enable = True


def _set_transaction_policy(config: Any, options: ConfigOptions) -> None:
    if options.streaming and not config.HasField("model_transaction_policy"):
        config.model_transaction_policy.decoupled = True


def _set_instances(config: Any, options: ConfigOptions) -> None:
    is_limited = bool(options.rate_limiter_resources or options.rate_limiter_priority)
    if config.instance_group or not (options.instance_count or options.instance_kind or is_limited):
        return
    group = config.instance_group.add(count=options.instance_count or 1)
    if options.instance_kind:
        group.kind = messages.model_config().ModelInstanceGroup.Kind.Value(options.instance_kind)
    for name, count in sorted(options.rate_limiter_resources.items()):
        # Of the whole server: a CPU has no devices to count by.
        group.rate_limiter.resources.add(name=name, count=count, **{"global": True})
    if options.rate_limiter_priority:
        group.rate_limiter.priority = options.rate_limiter_priority


def _set_version_policy(config: Any, options: ConfigOptions) -> None:
    if not options.version_policy or config.HasField("version_policy"):
        return
    choice, _, numbers = options.version_policy.partition(":")
    policy = config.version_policy
    if choice == "all":
        policy.all.SetInParent()
    elif choice == "latest":
        policy.latest.num_versions = int(numbers)
    else:
        policy.specific.versions.extend(int(number) for number in numbers.split(","))


def _set_parameters(config: Any, options: ConfigOptions, model: metadata.ModelMetadata) -> None:
    wanted = dict(options.parameters)
    if options.env_path:
        wanted.setdefault("EXECUTION_ENV_PATH", options.env_path)
    if options.answer_form:
        wanted.setdefault(ANSWER_FORM, "true")
    # What clients cannot learn from the tensors: MLflow's own types, names and parameters.
    wanted.setdefault(metadata.PARAMETER, metadata.summary(model))
    if options.warm_up:
        wanted.setdefault(WARM_UP, "true")
    for key, value in wanted.items():
        if key not in config.parameters:
            config.parameters[key].string_value = value
