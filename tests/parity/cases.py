"""The models of the suite from code: a signature, what the model does, and an input example, of every kind there is.

Names say what is special. The estimators are in estimators.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from mlflow.types.schema import (
    AnyType,
    Array,
    ColSpec,
    Map,
    Object,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    TensorSpec,
)

_TIMES = np.array(["2024-02-29T12:00:00", "1969-12-31T23:59:59", "2199-12-31T00:00:00"], "datetime64[ns]")
_TEXTS = ["", "plain", "zwölf 'Boxkämpfer' \\ \"jagen\"", "日本語\n\t", "\U0001f98a", " spaces ", "null", "NaN", "1"]


@dataclasses.dataclass(frozen=True)
class Case:
    """One model from code.

    Attributes:
      behaviour: a key of `behaviours.BEHAVIOURS`.
      inputs: of the signature.
      outputs: of the signature; None: MLflow has to infer them from the example.
      example: what `predict` is asked.
      params: of the signature.
    """

    behaviour: str
    inputs: Schema
    outputs: Schema | None
    example: Any
    params: ParamSchema | None = None


def _columns(**kinds: Any) -> Schema:
    return Schema([ColSpec(kind, name) for name, kind in kinds.items()])


def _one(kind: Any, values: list[Any] | np.ndarray, behaviour: str = "echo") -> Case:
    """One column that comes back."""
    dtype = values.dtype if isinstance(values, np.ndarray) else object
    frame = pd.DataFrame({"x": pd.Series(values, dtype=dtype)})
    return Case(behaviour, _columns(x=kind), _columns(x=kind), frame)


def _plain() -> Iterator[tuple[str, Case]]:
    """Columns of each plain type, at the ends of their ranges."""
    yield "boolean", _one("boolean", np.array([True, False, True]))
    yield "integer", _one("integer", np.array([0, -(2**31), 2**31 - 1], np.int32))
    yield "long", _one("long", np.array([0, -(2**63), 2**63 - 1, 2**53 + 1], np.int64))
    tiny = np.finfo(np.float32).smallest_subnormal
    yield "float", _one("float", np.array([0.1, -0.0, 3.4028235e38, tiny, 16777217], np.float32))
    yield "double", _one("double", np.array([0.1, -0.0, 1e308, 5e-324, 1 / 3, 2**53 + 1.0]))
    yield "string", _one("string", _TEXTS)
    yield "string_long", _one("string", ["x" * 100_000, "é" * 50_000])
    yield "binary", _one("binary", [b"", b"abc", b"a\x00b"])
    yield "datetime", _one("datetime", _TIMES)
    yield "datetime_fractions", _one("datetime", _TIMES + np.timedelta64(123456789, "ns"))
    yield "one_row", _one("double", np.array([1.5]))
    yield "as_series", _one("long", np.arange(4), "as_series")
    yield "as_list_of_numbers", _one("double", np.array([0.1, 0.2]), "as_list")
    yield "as_list_of_texts", _one("string", _TEXTS, "as_list")
    yield "as_list_of_booleans", _one("boolean", np.array([True, False]), "as_list")


def _nested() -> Iterator[tuple[str, Case]]:
    """Columns that travel as JSON documents."""
    yield "array_of_strings", _one(Array("string"), [["a", ""], [], ["zwölf"]])
    yield "array_of_longs", _one(Array("long"), [[2**63 - 1, -1], [0]])
    yield "array_of_doubles", _one(Array("double"), [[0.1, 1e300], [2.0]])
    yield "array_of_booleans", _one(Array("boolean"), [[True, False], [False]])
    yield "array_of_arrays", _one(Array(Array("double")), [[[1.5], [2.5, 3.5]], [[0.0]]])
    yield "map_of_doubles", _one(Map("double"), [{"a": 0.5, "b": -1.0}, {"": 2.0}])
    yield "map_of_arrays", _one(Map(Array("string")), [{"a": ["x", "y"]}, {"b": []}])
    person = Object(
        [
            Property("name", "string"),
            Property("age", "long"),
            Property("tags", Array("string"), required=False),
            Property("home", Object([Property("city", "string"), Property("zip", "long", required=False)])),
        ]
    )
    people = [
        {"name": "Ada", "age": 36, "tags": ["x"], "home": {"city": "London", "zip": 1}},
        {"name": "Çelik", "age": 2**40, "home": {"city": ""}},
    ]
    yield "object", _one(person, people)
    yield "array_of_objects", _one(Array(person), [people, people[:1]])
    yield "any", _one(AnyType(), [{"a": [1, 2.5, "x", None, True]}, "text", 7])


def _frames() -> Iterator[tuple[str, Case]]:
    """Frames of several columns, in each form that a model may return."""
    mixed = pd.DataFrame(
        {
            "b": [True, False],
            "i": np.array([1, -2], np.int32),
            "l": [2**40, 0],
            "f": np.array([0.1, 2], np.float32),
            "d": [0.1, -1e-300],
            "s": ["x", "zwölf"],
            "t": _TIMES[:2],
        }
    )
    kinds = _columns(b="boolean", i="integer", l="long", f="float", d="double", s="string", t="datetime")
    yield "frame_mixed", Case("echo", kinds, kinds, mixed)
    yield "frame_as_dict", Case("as_dict", kinds, kinds, mixed)
    yield "frame_with_an_index", Case("index_kept", kinds, kinds, mixed)
    yield "frame_reversed", Case("columns_reversed", kinds, kinds, mixed)
    yield "frame_described", Case("described", kinds, _columns(answer=AnyType()), mixed)
    numbers, names = pd.DataFrame({"x": [1.5, 2.5], "y": [0.1, 0.2]}), _columns(x="double", y="double")
    yield "frame_as_records", Case("as_records", names, names, numbers)
    yield "frame_as_matrix", Case("as_matrix", names, Schema([TensorSpec(np.dtype("float64"), (-1, 2))]), numbers)
    yield "frame_as_tuple", Case("as_tuple", names, names, numbers)
    yield "frame_total", Case("totals", names, Schema([ColSpec("double")]), numbers)
    yield "frame_wide", _wide(200)
    yield "nullable_types", Case("nullable", names, names, numbers)
    yield "categories", _one("string", ["a", "b", "a"], "categories")
    texts = pd.DataFrame({"first": ["Ada", "Alan"], "last": ["Lovelace", "Turing"]})
    yield "texts_joined", Case("joined", _columns(first="string", last="string"), Schema([ColSpec("string")]), texts)
    yield (
        "texts_measured",
        Case("lengths", _columns(s="string"), Schema([ColSpec("long")]), pd.DataFrame({"s": _TEXTS})),
    )


def _wide(count: int) -> Case:
    names = {f"column_{number}": "double" for number in range(count)}
    frame = pd.DataFrame(np.arange(2.0 * count).reshape(2, count) / 7, columns=list(names))
    return Case("totals", _columns(**names), Schema([ColSpec("double")]), frame)


def _names() -> Iterator[tuple[str, Case]]:
    """Names that nobody would choose, and none at all."""
    odd = ["with space", "ünïcode", "sl/ash", "do.t", 'quo"te', "a" * 200]
    frame = pd.DataFrame([[float(number) for number in range(len(odd))]] * 2, columns=odd)
    schema = Schema([ColSpec("double", name) for name in odd])
    yield "names_odd", Case("echo", schema, schema, frame)
    yield (
        "names_upper_and_lower",
        Case(
            "echo", _columns(x="double", X="long"), _columns(x="double", X="long"), pd.DataFrame({"x": [0.5], "X": [1]})
        ),
    )
    unnamed = Schema([ColSpec("double"), ColSpec("double"), ColSpec("double")])
    yield "names_none", Case("totals", unnamed, Schema([ColSpec("double")]), pd.DataFrame([[0.5, 1.5, 2.5]] * 2))
    yield (
        "names_of_params",
        Case(
            "echo",
            _columns(x="double"),
            _columns(x="double"),
            pd.DataFrame({"x": [1.0]}),
            ParamSchema([ParamSpec("x", "double", 1.0)]),
        ),
    )


def _optional() -> Iterator[tuple[str, Case]]:
    """Columns that may be left out, and values that are missing."""
    schema = Schema([ColSpec("double", "x"), ColSpec("double", "maybe", required=False)])
    answer = Schema([ColSpec("double")])
    yield "optional_given", Case("totals", schema, answer, pd.DataFrame({"x": [1.0], "maybe": [2.0]}))
    yield "optional_absent", Case("totals", schema, answer, pd.DataFrame({"x": [1.0, 0.1]}))
    missing = pd.DataFrame({"x": [1.0, np.nan], "y": [np.nan, 2.0]})
    yield (
        "missing_numbers",
        Case("is_missing", _columns(x="double", y="double"), _columns(x="boolean", y="boolean"), missing),
    )
    yield "reciprocals", _one("double", np.array([4.0, 3.0]), "reciprocal")


def _params() -> Iterator[tuple[str, Case]]:
    """Parameters with their defaults."""
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    kinds = ParamSchema([ParamSpec("factor", "double", 0.1), ParamSpec("offsets", "double", [0.5, 0.25], (-1,))])
    yield "params_used", Case("scaled", _columns(x="double"), Schema([ColSpec("double")]), frame, kinds)
    every = ParamSchema(
        [
            ParamSpec("b", "boolean", True),
            ParamSpec("i", "integer", 1),
            ParamSpec("l", "long", 2**40),
            ParamSpec("f", "float", 0.5),
            ParamSpec("d", "double", 0.1),
            ParamSpec("s", "string", "zwölf"),
            ParamSpec("ls", "long", [1, 2], (-1,)),
        ]
    )
    yield "params_shown", Case("shown", _columns(x="double"), Schema([ColSpec("string")]), frame, every)


def _tensors() -> Iterator[tuple[str, Case]]:
    """Tensors of each type and of several shapes."""
    for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
        limits = np.iinfo(name)
        yield f"tensor_{name}", _tensor(np.array([[limits.min, 0, limits.max]], name))
    yield "tensor_bool", _tensor(np.array([[True, False], [False, False]]))
    yield "tensor_float16", _tensor(np.array([[0.1, -0.0, 65504]], np.float16))
    yield "tensor_float32", _tensor(np.array([[0.1, -0.0, 3e38]], np.float32))
    yield "tensor_float64", _tensor(np.array([[0.1, -0.0, 1e308]]))
    yield "tensor_rows_only", _tensor(np.arange(5.0), (-1,))
    yield "tensor_image", _tensor(np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3))
    texts = Schema([TensorSpec(np.dtype(str), (-1, 2))])
    yield "tensor_texts", Case("echo", texts, texts, np.array([["a", "zwölf"], ["", "日本語"]]))
    any_width = Schema([TensorSpec(np.dtype("float32"), (-1, -1))])
    sums = Schema([TensorSpec(np.dtype("float32"), (-1,))])
    yield "tensor_any_width", Case("row_sums", any_width, sums, np.arange(6, dtype=np.float32).reshape(2, 3))
    norms = Schema([TensorSpec(np.dtype("float64"), (-1,))])
    yield "tensor_norms", Case("row_norms", any_width, norms, np.arange(6, dtype=np.float32).reshape(2, 3) / 7)
    cubes = [TensorSpec(np.dtype("float64"), shape) for shape in ((-1, 2, 3), (-1, 3, 2))]
    yield (
        "tensor_transposed",
        Case("transposed", Schema(cubes[:1]), Schema(cubes[1:]), np.arange(12.0).reshape(2, 2, 3)),
    )
    wide = Schema([TensorSpec(np.dtype("int64"), (-1, 4), "whole")])
    parts = Schema([TensorSpec(np.dtype("int64"), (-1, 2), name) for name in ("low", "high")])
    yield "tensor_split", Case("halves", wide, parts, {"whole": np.arange(8).reshape(2, 4)})
    pair = Schema([TensorSpec(np.dtype("float32"), (-1, 2), name) for name in ("a", "b")])
    numbers = np.arange(4, dtype=np.float32).reshape(2, 2) / 3
    product = Schema([TensorSpec(np.dtype("float32"), (-1, 2), "out")])
    yield "tensor_pair", Case("product", pair, product, {"a": numbers, "b": numbers + 1})
    fixed = Schema([TensorSpec(np.dtype("float64"), (2, 2))])
    yield "tensor_of_fixed_shape", Case("echo", fixed, fixed, np.array([[1.0, 2.0], [3.0, 0.1]]))


def _tensor(array: np.ndarray, shape: tuple[int, ...] | None = None) -> Case:
    """A tensor that comes back."""
    schema = Schema([TensorSpec(array.dtype, shape or (-1, *array.shape[1:]))])
    return Case("echo", schema, schema, array)


def _others() -> Iterator[tuple[str, Case]]:
    yield "refuses", _one("double", np.array([1.0]), "refuses")
    yield "outputs_inferred", dataclasses.replace(_one("double", np.array([1.0, 0.1])), outputs=None)
    yield "outputs_inferred_of_texts", Case("upper", _columns(s="string"), None, pd.DataFrame({"s": ["a", "é"]}))


def all_cases() -> dict[str, Case]:
    """The cases by name, which is also that of the model."""
    cases: dict[str, Case] = {}
    for family in (_plain, _nested, _frames, _names, _optional, _params, _tensors, _others):
        for name, case in family():
            if name in cases:
                raise ValueError(f"two cases are called {name}")
            cases[name] = case
    return cases
