"""Requests that a server must refuse, derived from a good one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mlflow_backend_utils.server.clients import Array, ModelInfo

_NOT_UTF8 = b"\xff\xfe\xfa"


def bad_requests(
    good: Mapping[str, Array], info: ModelInfo, texts: Sequence[str]
) -> Iterator[tuple[str, dict[str, Array]]]:
    """(what is wrong, inputs) of requests that no model may answer.

    Args:
      good: inputs that the model answers.
      info: what the server says about the model.
      texts: names of the inputs that hold text; an input of type BYTES may hold any bytes otherwise.
    """
    first, *_ = good
    declared = next(i for i in info.inputs if i.name == first)
    for name in [*texts, *(i.name for i in info.inputs if i.datatype != "BYTES" and i.name in good)][:1]:
        yield "bytes that are not UTF-8", {**good, name: np.full(good[name].shape, _NOT_UTF8, dtype=object)}
    if declared.datatype == "BYTES":
        yield "numbers for text", {**good, first: np.zeros(good[first].shape, np.int32)}
    else:
        other = np.int16 if declared.datatype != "INT16" else np.int32
        yield "another number type", {**good, first: np.ones(good[first].shape, other)}
        yield "text for numbers", {**good, first: np.full(good[first].shape, b"1", dtype=object)}
    yield "a dimension too many", {name: array[..., np.newaxis, np.newaxis] for name, array in good.items()}
    if len(declared.shape) > 1 and declared.shape[-1] > 0:
        wide = np.concatenate([good[first], good[first]], axis=-1)
        yield "rows that are too wide", {**good, first: wide}
    required = [i.name for i in info.inputs if not i.optional and i.name in good]
    if required:
        yield "a missing input", {name: array for name, array in good.items() if name != required[-1]}
    yield "an unknown input", {**good, "no_such_input": np.zeros((1, 1), np.float32)}
    if len(good) > 1:
        yield "inputs of different length", {**good, first: np.concatenate([good[first], good[first]])}
    if info.max_batch_size:
        many = info.max_batch_size + 1
        yield (
            "more rows than max_batch_size",
            {name: np.repeat(array[:1], many, axis=0) for name, array in good.items()},
        )
