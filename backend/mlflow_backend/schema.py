"""The one table between MLflow's signatures and Triton's tensors.

The config writer, auto-completion and the serving code all go through it, so they cannot disagree. Standard library
only: NumPy types are named, not imported.

| MLflow column        | Triton      | carried as                                                        |
| -------------------- | ----------- | ----------------------------------------------------------------- |
| boolean              | TYPE_BOOL   | itself                                                            |
| integer, long        | INT32, INT64| itself                                                            |
| float, double        | FP32, FP64  | itself; NaN is a missing value                                    |
| string               | TYPE_STRING | UTF-8                                                             |
| binary               | TYPE_STRING | the bytes themselves; base64 with request parameter `content_type`|
| datetime             | TYPE_STRING | ISO 8601 text; `NaT` is a missing value                           |
| array, object, map,  | TYPE_STRING | JSON text, one document a row; `null` is a missing value          |
| any                  |             |                                                                   |
| tensors              | by dtype    | itself; str and object tensors as UTF-8                           |

Triton has no null: a whole column that the signature does not require may be left out, a single value may be missing
only where the table says how.

Shapes. A batched model (`max_batch_size` above 0) has the row axis first and hidden: a column has dims [1], a tensor
loses its leading -1, and what is left without any axis gets [1]. An unbatched model shows every axis: a column has dims
[-1]. At run time [N] and [N, 1] are the same column.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from mlflow_backend.errors import SchemaError
from mlflow_backend.metadata import Signature


@dataclass(frozen=True)
class Carrier:
    """How values of one MLflow type travel.

    Attributes:
        data_type: Triton's data type, as in `config.pbtxt`.
        codec: name of the codec, a row of `codecs.CODECS`.
        numpy: name of the NumPy type that the model gets; "object" for anything without one.
    """

    data_type: str
    codec: str
    numpy: str


_JSON = Carrier("TYPE_STRING", "json", "object")

COLUMN_TYPES: Mapping[str, Carrier] = {
    "boolean": Carrier("TYPE_BOOL", "plain", "bool"),
    "integer": Carrier("TYPE_INT32", "plain", "int32"),
    "long": Carrier("TYPE_INT64", "plain", "int64"),
    "float": Carrier("TYPE_FP32", "plain", "float32"),
    "double": Carrier("TYPE_FP64", "plain", "float64"),
    "string": Carrier("TYPE_STRING", "string", "object"),
    "binary": Carrier("TYPE_STRING", "binary", "object"),
    "datetime": Carrier("TYPE_STRING", "datetime", "datetime64[ns]"),
    "array": _JSON,
    "object": _JSON,
    "map": _JSON,
    "any": _JSON,
}

TENSOR_TYPES: Mapping[str, Carrier] = {
    "bool": Carrier("TYPE_BOOL", "plain", "bool"),
    **{f"int{bits}": Carrier(f"TYPE_INT{bits}", "plain", f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": Carrier(f"TYPE_UINT{bits}", "plain", f"uint{bits}") for bits in (8, 16, 32, 64)},
    **{f"float{bits}": Carrier(f"TYPE_FP{bits}", "plain", f"float{bits}") for bits in (16, 32, 64)},
    "str": Carrier("TYPE_STRING", "string", "str"),
    "object": Carrier("TYPE_STRING", "string", "object"),
    "bytes": Carrier("TYPE_STRING", "binary", "bytes"),
}

_REFUSED_COLUMNS = {
    "sparkml_vector": "Spark vectors have no Triton type; log the model with an array or tensor signature",
}
_REFUSED_TENSORS = {
    "complex64": "Triton has no complex numbers; split them into a real and an imaginary tensor",
    "complex128": "Triton has no complex numbers; split them into a real and an imaginary tensor",
    "datetime64[ns]": "Triton has no dates; use a column of type datetime, or int64",
}

# Request parameter, and start of others, that `content_types` reads.
CONTENT_TYPE = "content_type"

# Parameters of a request that belong to Triton or to the backend, not to the model.
RESERVED_PARAMETERS = frozenset(
    (
        "binary_data_output",
        CONTENT_TYPE,
        "headers",
        "priority",
        "sequence_end",
        "sequence_id",
        "sequence_start",
        "timeout",
    )
)

_WRITE_OUTPUTS = " ".join(
    (
        "save the model with signature=mlflow.models.infer_signature(inputs, outputs),",
        "or write the outputs in config.pbtxt.",
    )
)


@dataclass(frozen=True)
class Field:
    """One tensor of the model's interface.

    Attributes:
        name: the tensor's name in Triton.
        source: MLflow's name of the column, tensor or parameter; None: unnamed. Names may be integers.
        kind: `column`, `tensor` or `param`.
        carrier: how its values travel.
        shape: MLflow's shape, the row axis first as -1; (-1,) for columns. Of a parameter: () or (-1,).
        optional: a request may leave it out.
        spec: its entry in the signature.
    """

    name: str
    source: str | int | None
    kind: str
    carrier: Carrier
    shape: tuple[int, ...]
    optional: bool = False
    spec: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def has_rows(self) -> bool:
        """Whether the leading axis counts rows, so that requests can be stacked."""
        return self.kind == "param" or (len(self.shape) > 0 and self.shape[0] == -1)

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of one row, -1 for variable axes; () for a column."""
        return self.shape if self.kind == "param" else self.shape[1:]

    @property
    def is_ragged(self) -> bool:
        """Whether rows of different requests may have different shapes."""
        return self.kind == "tensor" and -1 in self.row_shape

    def dims(self, batched: bool) -> tuple[int, ...]:
        """`dims` of `config.pbtxt`.

        A parameter is one value or one list a row, because Triton wants the same number of rows in every input.
        """
        if self.kind == "param":
            return self.shape or (1,)
        return (self.row_shape if batched else self.shape) or (1,)

    def describe(self) -> str:
        """Its type in the signature's own words, e.g. `double` or `tensor float32 [-1, 28]`."""
        if self.kind == "tensor":
            return f"tensor {self.spec['tensor-spec']['dtype']} {list(self.shape)}"
        return str(self.spec.get("type") or self.spec.get("dtype"))


# In which form the model answered, a JSON text in every row.
ANSWER_FORM = Field(
    "mlflow_answer_form", "mlflow_answer_form", "column", COLUMN_TYPES["string"], (-1,), spec={"type": "string"}
)


@dataclass(frozen=True)
class ModelSchema:
    """Inputs, parameters and outputs of a model.

    Attributes:
        inputs: in the signature's order.
        params: the signature's parameters; those in `param_inputs` can also be sent as optional inputs.
        outputs: in the signature's order; empty when the signature does not tell.
        max_batch_size: most rows that the model takes; 0: requests must not be batched, None: any number.
        tells_form: there is one more output, `ANSWER_FORM`; see forms.py.
    """

    inputs: tuple[Field, ...]
    params: tuple[Field, ...]
    outputs: tuple[Field, ...]
    max_batch_size: int | None = None
    tells_form: bool = False

    @property
    def all_outputs(self) -> tuple[Field, ...]:
        """The outputs with what the backend adds to them."""
        return (*self.outputs, ANSWER_FORM) if self.tells_form else self.outputs

    @functools.cached_property
    def batchable(self) -> bool:
        """Whether requests may be batched, and every tensor has the row axis that a `max_batch_size` above 0 needs."""
        return self.max_batch_size != 0 and all(part.has_rows for part in (*self.inputs, *self.outputs))

    def at_most(self, rows: int) -> int:
        """The `max_batch_size` nearest to `rows` that the model allows."""
        if not self.batchable:
            return 0
        return rows if self.max_batch_size is None else min(rows, self.max_batch_size)

    @functools.cached_property
    def input_names(self) -> Set[str]:
        """What a request may send as an input: inputs and parameters, in the signature's order."""
        return dict.fromkeys(part.name for part in (*self.inputs, *self.param_inputs)).keys()

    @functools.cached_property
    def param_inputs(self) -> tuple[Field, ...]:
        """Parameters whose name is not taken by an input; the others travel as request parameters only."""
        taken = {part.name for part in self.inputs}
        return tuple(part for part in self.params if part.name not in taken)

    @functools.cached_property
    def named(self) -> bool:
        """Whether the inputs have names in MLflow."""
        return any(part.source is not None for part in self.inputs)

    @functools.cached_property
    def tensors(self) -> bool:
        """Whether the inputs are tensors; columns otherwise."""
        return any(part.kind == "tensor" for part in self.inputs)


def build(signature: Signature | None, max_batch_size: int | None = None) -> ModelSchema:
    """The schema of a model.

    Args:
        signature: None: the model has none.
        max_batch_size: what the model says about it.

    Raises:
        SchemaError: there is no signature, or it holds what Triton cannot carry; names field, reason and a way out.
    """
    if signature is None or signature.inputs is None:
        raise SchemaError(
            "the model has no signature for its inputs, and Triton needs their names and types; save the model with "
            "signature=mlflow.models.infer_signature(inputs, outputs), or add one with mlflow.models.set_signature."
        )
    return ModelSchema(
        inputs=_fields("input", signature.inputs),
        params=tuple(_param(spec) for spec in signature.params or ()),
        outputs=_fields("output", signature.outputs or ()),
        max_batch_size=max_batch_size,
    )


def with_outputs(schema: ModelSchema, specs: Sequence[Mapping[str, Any]]) -> ModelSchema:
    """The same with outputs from the signature's form of them.

    Raises:
        SchemaError: there are none, or one that Triton cannot carry.
    """
    if not specs:
        raise SchemaError(f"the model's answer to its input example has no type; {_WRITE_OUTPUTS}")
    return replace(schema, outputs=_fields("output", specs))


def outputs_from_config(entries: Iterable[Mapping[str, Any]], batched: bool) -> tuple[Field, ...]:
    """Outputs of a model whose signature has none, from a written configuration's `output` entries.

    Raises:
        SchemaError: there are none, or one has a data type that NumPy lacks.
    """
    fields = tuple(_configured_output(entry, batched) for entry in entries)
    if not fields:
        raise SchemaError(
            "neither the model's signature nor config.pbtxt names the outputs, and there is no input example to infer "
            f"them from; {_WRITE_OUTPUTS}"
        )
    return fields


def _configured_output(entry: Mapping[str, Any], batched: bool) -> Field:
    name, data_type = str(entry.get("name")), entry.get("data_type")
    carrier = next((row for row in TENSOR_TYPES.values() if row.data_type == data_type), None)
    if carrier is None:
        raise SchemaError(f"output '{name}' has data_type {data_type}, which no model can return; write another.")
    dims = tuple(int(axis) for axis in entry.get("dims") or ())
    shape = (-1, *dims) if batched else dims
    spec = {"type": "tensor", "tensor-spec": {"dtype": carrier.numpy, "shape": list(shape)}}
    return Field(name, name, "tensor", carrier, shape, spec=spec)


def _fields(direction: str, specs: Sequence[Mapping[str, Any]]) -> tuple[Field, ...]:
    fields = tuple(_field(direction, position, spec) for position, spec in enumerate(specs))
    _refuse_duplicates(direction, (part.name for part in fields))
    return fields


def _field(direction: str, position: int, spec: Mapping[str, Any]) -> Field:
    source = spec.get("name")
    # An empty name cannot be sent to Triton either.
    name = f"{direction}-{position}" if source is None or source == "" else str(source)
    place = f"{direction} '{name}'"
    if spec.get("type") == "tensor":
        carrier, shape = _tensor(place, spec)
        return Field(name, source, "tensor", carrier, shape, optional=False, spec=spec)
    carrier = _column_carrier(place, spec.get("type"))
    # Old models say "optional", newer ones "required".
    required = spec.get("required", not spec.get("optional", False))
    return Field(name, source, "column", carrier, (-1,), optional=not required, spec=spec)


def _column_carrier(place: str, type_name: object) -> Carrier:
    carrier = COLUMN_TYPES.get(str(type_name).lower())
    if carrier is not None:
        return carrier
    reason = _REFUSED_COLUMNS.get(str(type_name), f"known types are {', '.join(COLUMN_TYPES)}")
    raise SchemaError(f"{place} has type '{type_name}' in the signature, which cannot be served: {reason}.")


def _tensor(place: str, spec: Mapping[str, Any]) -> tuple[Carrier, tuple[int, ...]]:
    details = spec.get("tensor-spec")
    if not isinstance(details, Mapping):
        raise SchemaError(f"{place} is a tensor without 'tensor-spec' in the signature; save the model again.")
    shape = details.get("shape")
    if not isinstance(shape, list) or not all(isinstance(axis, int) and axis >= -1 for axis in shape):
        raise SchemaError(
            f"{place} has shape {shape!r} in the signature; axes are -1 or a length. Save the model again."
        )
    dtype = str(details.get("dtype"))
    carrier = TENSOR_TYPES.get(dtype)
    if carrier is None:
        reason = _REFUSED_TENSORS.get(dtype, f"known types are {', '.join(TENSOR_TYPES)}")
        raise SchemaError(f"{place} has dtype '{dtype}' in the signature, which cannot be served: {reason}.")
    return carrier, tuple(shape)


def _param(spec: Mapping[str, Any]) -> Field:
    name = str(spec.get("name"))
    place = f"parameter '{name}'"
    if name in RESERVED_PARAMETERS or name.startswith(("triton_", f"{CONTENT_TYPE}.")):
        raise SchemaError(f"{place} has a name that Triton keeps for itself; rename it in the signature.")
    carrier = _column_carrier(place, spec.get("type") or spec.get("dtype"))
    shape = tuple(spec.get("shape") or ())
    return Field(name, name, "param", carrier, shape, optional=True, spec=spec)


def _refuse_duplicates(direction: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise SchemaError(f"{direction} '{name}' occurs twice in the signature; give the columns different names.")
        seen.add(name)
