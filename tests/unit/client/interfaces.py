"""Interfaces of models, made of signatures as a server tells them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mlflow_backend import metadata, schema
from mlflow_backend.client.interface import Interface
from mlflow_backend.metadata import Signature


def column(kind: str, name: str | None = None, **more: Any) -> dict[str, Any]:
    """A column of a signature."""
    return {"type": kind, **({} if name is None else {"name": name}), **more}


def tensor(dtype: str, *shape: int, name: str | None = None) -> dict[str, Any]:
    """A tensor of a signature."""
    named = {} if name is None else {"name": name}
    return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": list(shape)}, **named}


def config(
    inputs: Sequence[dict[str, Any]],
    outputs: Sequence[dict[str, Any]] | None = None,
    params: Sequence[dict[str, Any]] = (),
    batched: bool = True,
    loader: str = "x",
) -> dict[str, Any]:
    """What a server says of a model with this signature; the outputs are the inputs if not given."""
    outputs = inputs if outputs is None else outputs
    built = schema.build(Signature(tuple(inputs), tuple(outputs), tuple(params)))

    def entries(fields: Sequence[schema.Field]) -> list[dict[str, Any]]:
        # Over gRPC, numbers of 64 bits come as texts.
        return [
            {
                "name": field.name,
                "data_type": field.carrier.data_type,
                "dims": [str(axis) for axis in field.dims(batched)],
                **({"optional": True} if field.optional else {}),
            }
            for field in fields
        ]

    document = {
        "flavors": {"python_function": {"loader_module": loader}},
        "signature": {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs), "params": json.dumps(params)},
    }
    return {
        "name": "m",
        "max_batch_size": 8 if batched else 0,
        "input": entries((*built.inputs, *built.param_inputs)),
        "output": entries(built.outputs),
        "parameters": {metadata.PARAMETER: {"string_value": json.dumps(document)}},
    }


def interface(*inputs: dict[str, Any], **kwargs: Any) -> Interface:
    """The interface of `config`."""
    return Interface.from_config(config(inputs, **kwargs))
