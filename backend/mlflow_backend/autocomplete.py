"""Completing a model's configuration from its `MLmodel`.

Runs in a throw-away process at every load, so MLflow is not imported. The exception is a model whose signature has no
outputs and whose configuration has none either: it is loaded and asked for its input example.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlflow_backend import conflicts, metadata, schema, settings
from mlflow_backend.errors import ConfigMismatchError
from mlflow_backend.schema import Field


def complete(config: Any, folder: Path) -> Any:
    """Fill in what the configuration leaves out.

    A configuration without any input gets `DEFAULT_MAX_BATCH_SIZE` and dynamic batching where the model allows it; one
    with inputs has said what it wants. Triton lets nobody complete `allow_ragged_batch`: where the configuration lacks
    it, requests whose rows have different shapes are not gathered into one batch, but answered all the same.

    Args:
        config: Triton's `ModelConfig`, changed in place.
        folder: the version folder that holds `MLmodel`.

    Raises:
        ConfigMismatchError: the configuration contradicts the signature; names each field.
        BackendError: the model cannot be understood or served.
    """
    model = metadata.read(folder)
    written = config.as_dict()
    tells_form = settings.read(written, {}).answer_form
    model_schema = replace(schema.build(model.signature, model.max_batch_size), tells_form=tells_form)
    if not model_schema.outputs and not written.get("output") and model.input_example is not None:
        from mlflow_backend import adapters, outputs

        model_schema = outputs.infer(model_schema, model, adapters.load(model, model_schema))
    max_batch_size = int(written.get("max_batch_size") or 0)
    bare = not written.get("input")
    if bare and max_batch_size == 0 and model_schema.batchable:
        max_batch_size = model_schema.at_most(conflicts.DEFAULT_MAX_BATCH_SIZE)
        config.set_max_batch_size(max_batch_size)
    given_inputs, given_outputs = _entries(written, "input"), _entries(written, "output")
    problems = conflicts.find(model_schema, max_batch_size, given_inputs, given_outputs)
    if problems:
        raise ConfigMismatchError("config.pbtxt contradicts the signature: " + " ".join(problems))
    batched = max_batch_size > 0
    # An input and an output may share a name.
    given = {entry.name: entry for entry in given_inputs}
    for field in (*model_schema.inputs, *model_schema.param_inputs):
        entry = given.get(field.name)
        # An output cannot be said to be optional.
        optional = {"optional": True} if field.optional and (entry is None or entry.optional) else {}
        config.add_input(_merged(field, entry, batched) | optional)
    given = {entry.name: entry for entry in given_outputs}
    for field in model_schema.all_outputs:
        config.add_output(_merged(field, given.get(field.name), batched))
    if bare and batched and not any(name in written for name in ("dynamic_batching", "sequence_batching")):
        config.set_dynamic_batching()
    return config


def _entries(written: Mapping[str, Any], direction: str) -> list[conflicts.TensorConfig]:
    return [
        conflicts.TensorConfig(
            name=str(entry.get("name")),
            data_type="" if entry.get("data_type") == "TYPE_INVALID" else str(entry.get("data_type") or ""),
            dims=tuple(int(axis) for axis in entry.get("dims") or ()),
            optional=bool(entry.get("optional")),
            ragged=bool(entry.get("allow_ragged_batch")),
        )
        for entry in written.get(direction) or ()
    ]


def _merged(field: Field, entry: conflicts.TensorConfig | None, batched: bool) -> dict[str, Any]:
    """The properties to add; what is written already stays, since adding something else is an error to Triton."""
    return {
        "name": field.name,
        "data_type": field.carrier.data_type,
        "dims": list(entry.dims if entry is not None and entry.dims else field.dims(batched)),
    }
