"""Where a written `config.pbtxt` contradicts the signature, field by field.

Used when a hand-written configuration is merged at build time, and again by auto-completion in the server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlflow_backend.schema import Field, ModelSchema

# Largest batch that auto-completion allows when the configuration is silent.
DEFAULT_MAX_BATCH_SIZE = 64


@dataclass(frozen=True)
class TensorConfig:
    """One `input` or `output` entry of a configuration; empty `data_type` or `dims`: not said."""

    name: str
    data_type: str = ""
    dims: tuple[int, ...] = ()
    optional: bool = False
    ragged: bool = False


def find(
    schema: ModelSchema,
    max_batch_size: int,
    inputs: Sequence[TensorConfig],
    outputs: Sequence[TensorConfig],
) -> list[str]:
    """One sentence for each contradiction: what was given, what the signature says, what to do. Empty: none."""
    problems = []
    if schema.max_batch_size is not None and max_batch_size > schema.max_batch_size:
        if schema.max_batch_size == 0:
            problems.append(
                f"max_batch_size is {max_batch_size}, but the model, by its task or its own metadata, answers a "
                "request as a whole and not row by row, so requests cannot be batched; write max_batch_size: 0."
            )
            return problems
        problems.append(
            f"max_batch_size is {max_batch_size}, but the model takes {schema.max_batch_size}; write "
            f"max_batch_size: {schema.max_batch_size}."
        )
    if max_batch_size > 0 and not schema.batchable:
        fixed = next(part for part in (*schema.inputs, *schema.outputs) if not part.has_rows)
        problems.append(
            f"max_batch_size is {max_batch_size}, but in the signature '{fixed.name}' is {fixed.describe()} without a "
            "row axis (a leading -1), so requests cannot be batched; write max_batch_size: 0."
        )
        return problems
    batched = max_batch_size > 0
    problems += _compare("input", inputs, (*schema.inputs, *schema.param_inputs), batched)
    if schema.outputs:
        problems += _compare("output", outputs, schema.all_outputs, batched)
    return problems


def _compare(direction: str, given: Sequence[TensorConfig], fields: Sequence[Field], batched: bool) -> list[str]:
    known = {part.name: part for part in fields}
    problems = []
    for entry in given:
        part = known.get(entry.name)
        if part is None:
            problems.append(
                f"{direction} '{entry.name}' is not in the signature, whose {direction}s are "
                f"{', '.join(repr(name) for name in known)}; rename or remove it."
            )
            continue
        problems += _compare_one(f"{direction} '{entry.name}'", direction, entry, part, batched)
    return problems


def _compare_one(place: str, direction: str, entry: TensorConfig, part: Field, batched: bool) -> list[str]:
    problems = []
    wanted_type = part.carrier.data_type
    if entry.data_type and entry.data_type != wanted_type:
        problems.append(
            f"{place}: data_type is {entry.data_type}, but the signature says {part.describe()}; write {wanted_type}."
        )
    wanted_dims = part.dims(batched)
    if entry.dims and not _dims_fit(entry.dims, part, batched):
        unit = f"max_batch_size {'above 0' if batched else '0'}"
        problems.append(
            f"{place}: dims are {list(entry.dims)}, but the signature says {part.describe()}, which with {unit} is "
            f"{list(wanted_dims)}; write dims: {list(wanted_dims)}."
        )
    if direction == "input" and entry.optional and not part.optional:
        problems.append(f"{place}: optional is true, but the signature requires it; remove 'optional'.")
    if entry.ragged and not (batched and part.is_ragged):
        reason = (
            f"the signature says {part.describe()}, whose rows all have one shape" if batched else "nothing is batched"
        )
        problems.append(f"{place}: allow_ragged_batch is true, but {reason}; remove 'allow_ragged_batch'.")
    return problems


def _dims_fit(given: tuple[int, ...], part: Field, batched: bool) -> bool:
    """Whether every request that `given` lets through can be served; an axis may be narrower than the signature's."""
    wanted = part.dims(batched)
    if not batched and part.kind == "column" and given == (-1, 1):
        return True
    return len(given) == len(wanted) and all(
        one == other or other == -1 for one, other in zip(given, wanted, strict=True)
    )
