"""Outputs of a model whose signature has none: MLflow's own inference, from the answer to the input example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mlflow_backend import schema
from mlflow_backend.adapters import Adapter
from mlflow_backend.errors import SchemaError
from mlflow_backend.metadata import ModelMetadata
from mlflow_backend.schema import ModelSchema


def infer(model_schema: ModelSchema, model: ModelMetadata, adapter: Adapter) -> ModelSchema:
    """The schema with the outputs of the model's answer to its input example.

    Raises:
        SchemaError: the model fails on its example, or answers what Triton cannot carry.
    """
    try:
        specs = adapter.example_outputs()
    except Exception as error:
        raise SchemaError(
            f"{model.folder}: the signature has no outputs, and they cannot be inferred from the input example: "
            f"{type(error).__name__}: {error}; save the model with "
            "signature=mlflow.models.infer_signature(inputs, outputs), or write the outputs in config.pbtxt."
        ) from None
    return schema.with_outputs(model_schema, specs)


def complete(
    model_schema: ModelSchema,
    model: ModelMetadata,
    adapter: Adapter,
    written: Sequence[Mapping[str, Any]],
    batched: bool,
) -> ModelSchema:
    """The schema with the outputs that a configuration has: those inferred, or what a person has written instead.

    Args:
        written: `output` entries of the configuration.
        batched: the configuration hides the row axis.

    Raises:
        SchemaError: there are none, or none that Triton can carry.
    """
    if model.input_example is not None:
        inferred = infer(model_schema, model, adapter)
        types = {part.name: part.carrier.data_type for part in inferred.outputs}
        if not written or types == {str(entry.get("name")): entry.get("data_type") for entry in written}:
            return inferred
    return replace(model_schema, outputs=schema.outputs_from_config(written, batched))
