"""Numbers, JSON text, answers and errors: the parts that need no model."""

from __future__ import annotations

import datetime
import json
from typing import Any

import numpy as np
import pandas as pd
from absl.testing import absltest, parameterized
from hypothesis import given, settings
from hypothesis import strategies as st

from mlflow_backend import answers, errors, jsontext, numbers, schema
from mlflow_backend.errors import OutputError
from mlflow_backend.metadata import Signature

_DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"]


class CastTest(parameterized.TestCase):
    @settings(deadline=None, database=None, max_examples=300)
    @given(st.data(), st.sampled_from(_DTYPES), st.sampled_from(_DTYPES))
    def test_numbers_stay_or_are_refused(self, data: st.DataObject, source: str, target: str) -> None:
        dtype = np.dtype(source)
        if dtype.kind == "f":
            value: Any = data.draw(st.floats(width=dtype.itemsize * 8))  # type: ignore[arg-type]
        elif dtype.kind == "b":
            value = data.draw(st.booleans())
        else:
            limits = np.iinfo(dtype)
            value = data.draw(st.integers(int(limits.min), int(limits.max)))
        array = np.array([value], dtype)
        try:
            result = numbers.cast(array, np.dtype(target))
        except ValueError:
            return
        self.assertEqual(result.dtype, np.dtype(target))
        if dtype.kind == np.dtype(target).kind == "f":
            with np.errstate(all="ignore"):
                np.testing.assert_array_equal(result, array.astype(target))
        else:
            # Python compares integers and floats exactly.
            self.assertEqual(result.tolist()[0], array.tolist()[0])

    @parameterized.parameters(
        ([2**53 + 1], "int64", "float64", "9007199254740993 of type int64 cannot become float64"),
        ([300], "int64", "int8", "300 of type int64 cannot become int8"),
        ([-1], "int64", "uint64", "-1 of type int64 cannot become uint64"),
        ([1.5], "float64", "int64", "1.5 of type float64 cannot become int64"),
        ([np.nan], "float64", "int64", "nan .* a missing value cannot be int64"),
        ([1e300], "float64", "float32", "1e\\+300 of type float64 cannot become float32"),
        ([True], "bool", "int64", "bool values cannot become int64"),
        (["1"], "str", "int64", "values cannot become int64"),
    )
    def test_refused(self, values: list[Any], source: str, target: str, message: str) -> None:
        with self.assertRaisesRegex(ValueError, message):
            numbers.cast(np.array(values, source), np.dtype(target))

    def test_objects(self) -> None:
        result = numbers.cast(np.array([1, None], dtype=object), np.dtype("float64"))
        np.testing.assert_array_equal(result, [1.0, np.nan])


class JsonTest(parameterized.TestCase):
    @parameterized.parameters(
        (np.float32(0.5), "0.5"),
        (float("nan"), "null"),
        (None, "null"),
        (np.array([[1, 2]]), "[[1, 2]]"),
        ({"ü": b"\xff", 1: (1, 2)}, '{"ü": "/w==", "1": [1, 2]}'),
        (datetime.date(2020, 1, 2), '"2020-01-02"'),
        (pd.NaT, "null"),
        (pd.NA, "null"),
        (np.datetime64("2020-01-02"), '"2020-01-02"'),
        (np.datetime64("NaT"), "null"),
    )
    def test_dumps(self, value: Any, text: str) -> None:
        self.assertEqual(jsontext.dumps(value), text)

    def test_what_has_no_json_form(self) -> None:
        with self.assertRaisesRegex(TypeError, "a value of type type has no JSON form"):
            jsontext.dumps({"a": int})

    @parameterized.parameters(
        (1, {"type": "double"}, 1.0, float),
        (1, {"type": "integer"}, 1, np.int32),
        (2**31, {"type": "integer"}, 2**31, int),
        (True, {"type": "double"}, True, bool),
        (1.5, {"type": "float"}, 1.5, np.float32),
        ("/w==", {"type": "binary"}, b"\xff", bytes),
        ("x", {"type": "any"}, "x", str),
    )
    def test_leaves(self, value: Any, spec: dict[str, Any], expected: Any, kind: type) -> None:
        result = jsontext.typed(value, spec)
        self.assertEqual(result, expected)
        self.assertIs(type(result), kind)

    def test_deep_nesting_is_an_error(self) -> None:
        with self.assertRaises(ValueError):
            jsontext.loads("[" * 200_000)


def _fields(*specs: dict[str, Any]) -> tuple[schema.Field, ...]:
    return schema.build(Signature(({"type": "long", "name": "x"},), specs, None)).outputs


_TENSOR = {"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}
_LABEL, _SCORE = {"type": "string", "name": "label"}, {"type": "double", "name": "score"}


class AnswersTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("frame", pd.DataFrame({"score": [0.5], "label": ["a"]})),
        ("renamed_frame", pd.DataFrame({0: ["a"], 1: [0.5]})),
        ("dict_of_lists", {"label": ["a"], "score": [0.5]}),
        ("dict_of_scalars", {"label": "a", "score": 0.5}),
        ("rows", [{"label": "a", "score": 0.5}]),
        ("tuple", (["a"], np.array([0.5]))),
        ("objects", np.array([["a", 0.5]], dtype=object)),
    )
    def test_two_columns(self, result: Any) -> None:
        arrays = answers.encode(result, _fields(_LABEL, _SCORE), True, ())
        self.assertEqual((arrays["label"].tolist(), arrays["score"].tolist()), ([[b"a"]], [[0.5]]))

    @parameterized.named_parameters(
        ("array", np.array([1, 2])),
        ("matrix", np.array([[1], [2]])),
        ("list", [1, 2]),
        ("series", pd.Series([1, 2])),
        ("nullable", pd.Series([1, 2], dtype="Int64")),
        ("frame", pd.DataFrame({"any": [1, 2]})),
        ("dict", {"any": [1, 2]}),
    )
    def test_one_column(self, result: Any) -> None:
        array = answers.encode(result, _fields({"type": "long"}), True, ())["output-0"]
        self.assertEqual((array.dtype, array.tolist()), (np.int64, [[1], [2]]))

    @parameterized.named_parameters(
        ("array", np.ones((3, 2))),
        ("integers", np.ones((3, 2), int)),
        ("lists", [[1.0, 1.0]] * 3),
        ("frame", pd.DataFrame(np.ones((3, 2)))),
    )
    def test_tensor(self, result: Any) -> None:
        array = answers.encode(result, _fields(_TENSOR), True, ())["output-0"]
        np.testing.assert_array_equal(array, np.ones((3, 2)))
        self.assertEqual(array.dtype, np.float64)

    def test_json_rows(self) -> None:
        fields = _fields({"type": "array", "items": {"type": "double"}})
        array = answers.encode(np.array([[1.0, np.nan]]), fields, True, ())["output-0"]
        self.assertEqual(json.loads(array[0, 0]), [1.0, None])

    def test_a_list_in_a_record_is_one_value(self) -> None:
        fields = _fields({"type": "string", "name": "object"}, {"type": "array", "name": "data"})
        arrays = answers.encode({"object": "list", "data": [{"index": 0}, {"index": 1}]}, fields, False, ())
        self.assertEqual(arrays["object"].tolist(), [b"list"])
        self.assertEqual([json.loads(cell) for cell in arrays["data"]], [[{"index": 0}, {"index": 1}]])
        arrays = answers.encode({"object": ["a", "b"], "data": [[1], [2]]}, fields, False, ())
        self.assertEqual([json.loads(cell) for cell in arrays["data"]], [[1], [2]])

    def test_a_record_without_what_is_optional(self) -> None:
        fields = _fields({"type": "string", "name": "id"}, {"type": "map", "name": "more", "required": False})
        self.assertEqual(list(answers.encode({"id": "x"}, fields, False, ())), ["id"])

    def test_no_rows(self) -> None:
        array = answers.encode([], _fields(_TENSOR), False, ())["output-0"]
        self.assertEqual(array.shape[0], 0)
        self.assertEqual(array.ndim, len(_TENSOR["tensor-spec"]["shape"]))

    def test_unbatched_columns_are_flat(self) -> None:
        self.assertEqual(answers.encode([1], _fields({"type": "long"}), False, ())["output-0"].shape, (1,))

    @parameterized.named_parameters(
        ("shape", np.ones((3, 4)), _TENSOR, r"returned shape \[3, 4\]"),
        ("keys", {"a": 1, "b": 2}, _LABEL, r"dict with keys \['a', 'b'\].*outputs 'label'"),
        ("type", ["x"], _SCORE, "output 'score' \\(double\\)"),
        ("missing_integer", pd.Series([1, None], dtype="Int64"), {"type": "long"}, "a missing value cannot be int64"),
    )
    def test_unfit(self, result: Any, spec: dict[str, Any], message: str) -> None:
        with self.assertRaisesRegex(OutputError, message):
            answers.encode(result, _fields(spec), True, ())


class ErrorsTest(absltest.TestCase):
    def test_codes(self) -> None:
        self.assertEqual(errors.from_exception(ValueError("v")).code, "INVALID_ARG")
        self.assertEqual(errors.from_exception(MemoryError()).code, "UNAVAILABLE")

    def test_mlflow_codes(self) -> None:
        from mlflow.exceptions import MlflowException
        from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

        self.assertEqual(errors.from_exception(MlflowException("m", RESOURCE_DOES_NOT_EXIST)).code, "NOT_FOUND")
        self.assertEqual(errors.from_exception(MlflowException("m")).code, "INVALID_ARG")

    def test_long_messages_are_cut(self) -> None:
        self.assertLess(len(str(errors.from_exception(ValueError("x" * 100_000)))), 5000)


if __name__ == "__main__":
    absltest.main()
