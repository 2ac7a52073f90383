"""What a model on Triton takes and gives, from its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mlflow_backend import metadata, schema
from mlflow_backend.metadata import ModelMetadata
from mlflow_backend.schema import Field, ModelSchema

# Of TYPE_STRING only texts are certain where no signature says more.
_COLUMN_OF = {
    carrier.data_type: kind for kind, carrier in reversed(list(schema.COLUMN_TYPES.items())) if carrier.codec != "json"
} | {"TYPE_STRING": "string"}


@dataclass(frozen=True)
class Interface:
    """A model's inputs and outputs.

    Attributes:
        name: the model's name.
        version: its version; "": the server's choice.
        schema: what MLflow's signature says, or what can be read from the tensors of a model without one.
        max_batch_size: rows of one request; 0: the tensors have no hidden row axis.
        decoupled: answers come in pieces, over streams only.
        metadata: what the model's `MLmodel` says; None where the configuration does not have it.
        order: names of the inputs in the order of config.pbtxt, which need not be the signature's.
    """

    name: str
    version: str
    schema: ModelSchema
    max_batch_size: int
    decoupled: bool
    metadata: ModelMetadata | None
    order: tuple[str, ...] = ()

    @property
    def batched(self) -> bool:
        """Whether every tensor has the rows as its first axis, hidden in the configuration."""
        return self.max_batch_size > 0

    @property
    def inputs(self) -> tuple[Field, ...]:
        """The inputs, parameters as well, in the order of config.pbtxt."""
        known = {field.name: field for field in (*self.schema.inputs, *self.schema.param_inputs)}
        names = [name for name in self.order if name in known]
        return tuple(known[name] for name in [*names, *(name for name in known if name not in names)])

    @classmethod
    def from_config(cls, config: Mapping[str, Any], version: str = "", model: ModelMetadata | None = None) -> Interface:
        """The interface in a model's configuration.

        Args:
            config: as Triton tells it, `get_model_config(as_json=True)["config"]`.
            version: the version that will be asked.
            model: what `MLmodel` says, where the caller knows; else the configuration's own parameter is used.

        Raises:
            BackendError: the signature or a tensor cannot be understood.
        """
        told = config.get("parameters", {}).get(metadata.PARAMETER, {}).get("string_value")
        if model is None and told:
            model = metadata.from_summary(told)
        batched = int(config.get("max_batch_size") or 0)
        inputs = tuple(_field(entry, batched > 0) for entry in config.get("input", ()))
        outputs = tuple(_field(entry, batched > 0) for entry in config.get("output", ()))
        tells_form = any(field.name == schema.ANSWER_FORM.name for field in outputs)
        outputs = tuple(field for field in outputs if field.name != schema.ANSWER_FORM.name)
        own = ModelSchema(inputs, (), outputs)
        if model is not None and model.signature is not None and model.signature.inputs is not None:
            signed = schema.build(model.signature)
            own = signed if signed.outputs else replace(signed, outputs=outputs)
        policy = config.get("model_transaction_policy", {})
        return cls(
            name=str(config.get("name", "")),
            version=version,
            schema=replace(own, tells_form=tells_form),
            max_batch_size=batched,
            decoupled=bool(policy.get("decoupled")),
            metadata=model,
            order=tuple(str(entry["name"]) for entry in config.get("input", ())),
        )


def _field(entry: Mapping[str, Any], batched: bool) -> Field:
    """A column where a row is one value, else a tensor."""
    name, data_type = str(entry["name"]), str(entry["data_type"])
    dims = tuple(int(axis) for axis in entry.get("dims", ()))
    optional = bool(entry.get("optional"))
    kind = _COLUMN_OF.get(data_type)
    if kind and dims == ((1,) if batched else (-1,)):
        return Field(name, name, "column", schema.COLUMN_TYPES[kind], (-1,), optional, {"type": kind})
    (field,) = schema.outputs_from_config([entry], batched)
    return replace(field, optional=optional)
