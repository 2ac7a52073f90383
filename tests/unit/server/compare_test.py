"""Fitting a model's tensors to a server's, and exact comparison."""

import base64

import numpy as np
from absl.testing import absltest, parameterized

from mlflow_backend_utils.server import compare, expected, reference
from mlflow_backend_utils.server.clients import TensorInfo
from mlflow_backend_utils.server.reference import Tensor


def number(name: str, values: object, dtype: str = "float64") -> Tensor:
    return Tensor(name, "number", np.array(values, dtype=dtype))


class CompareTest(parameterized.TestCase):
    def test_match_by_name_and_in_order(self) -> None:
        infos = [
            TensorInfo("a", "FP64", (-1, 1)),
            TensorInfo("b", "FP64", (-1, 1)),
            TensorInfo("c", "FP64", (-1,), True),
        ]
        pairs = compare.match([number("b", [1]), number("a", [1])], infos, "inputs")
        self.assertEqual([info.name for _, info in pairs], ["b", "a"])
        pairs = compare.match([number("", [1]), number("", [1])], infos, "inputs")
        self.assertEqual([info.name for _, info in pairs], ["a", "b"])
        with self.assertRaisesRegex(
            compare.MismatchError, r"inputs: the model has \['x'\], the server \['a', 'b', 'c'\]"
        ):
            compare.match([number("x", [1])], infos, "inputs")

    def test_to_server(self) -> None:
        column = compare.to_server(number("x", [1, 2]), TensorInfo("x", "FP32", (-1, 1)))
        self.assertEqual((column.dtype, column.shape), (np.float32, (2, 1)))
        flat = compare.to_server(number("x", [1, 2]), TensorInfo("x", "FP64", (-1,)))
        self.assertEqual(flat.shape, (2,))
        with self.assertRaises(TypeError):
            compare.to_server(number("x", [1.5]), TensorInfo("x", "INT64", (-1,)))

    @parameterized.parameters(
        (number("y", [1, 2]), np.array([[1.0], [2.0]]), None),
        (number("y", [1, float("nan")]), np.array([1.0, float("nan")]), None),
        (number("y", [1, 2]), np.array([1.0, 2.0000000000000004]), "differs: got"),
        (number("y", [1, 2]), np.array([1.0, 2.0], np.float32), "is FP32, declared is FP64"),
        (number("y", [1, 2], "int64"), np.array([1.0, 2.0]), "is FP64, MLflow gives int64"),
        (number("y", [[1, 2]]), np.array([1.0, 2.0]), r"has shape \[2\], MLflow gives \[1, 2\]"),
    )
    def test_numbers(self, wanted: Tensor, got: np.ndarray, words: str | None) -> None:
        self.check(wanted, "FP64", got, words)

    @parameterized.parameters(
        ("text", b"caf\xc3\xa9", b"caf\xc3\xa9", None),
        ("text", b"caf\xc3\xa9", "café", None),
        ("text", b"a", b"b", "differs"),
        ("bytes", b"\xff", b"\xff", None),
        ("datetime", b"2024-02-29T12:00:00.000000000", b"2024-02-29T12:00:00", None),
        ("datetime", b"NaT", b"NaT", None),
        ("datetime", b"2024-02-29T12:00:00", b"2024-02-29T12:00:00.000000001", "differs"),
        ("json", b'{"a": [1, 2]}', b'{"a":[1,2]}', None),
        ("json", b'{"a": 1}', b'{"a": 2}', "differs"),
    )
    def test_texts(self, kind: str, wanted: bytes, got: object, words: str | None) -> None:
        self.check(Tensor("y", kind, np.array([wanted], object)), "BYTES", np.array([got], object), words)

    def check(self, wanted: Tensor, datatype: str, got: np.ndarray, words: str | None) -> None:
        infos = [TensorInfo("y", datatype, (-1,))]
        if words is None:
            compare.check_outputs([wanted], infos, {"y": got})
        else:
            with self.assertRaisesRegex(compare.MismatchError, f"output 'y' {words}"):
                compare.check_outputs([wanted], infos, {"y": got})

    def test_volatile_outputs_have_types_only(self) -> None:
        infos = [TensorInfo("id", "INT64", (-1,))]
        wanted, got = number("id", [1], "int64"), np.array([2])
        compare.check_outputs([wanted], infos, {"id": got}, {"id"})
        with self.assertRaisesRegex(compare.MismatchError, "differs"):
            compare.check_outputs([wanted], infos, {"id": got}, {"x"})
        with self.assertRaisesRegex(compare.MismatchError, "has shape"):
            compare.check_outputs([wanted], infos, {"id": np.array([2, 3])}, {"id"})

    def test_an_empty_list_has_no_type(self) -> None:
        infos = [TensorInfo("y", "FP32", (-1, 4))]
        compare.check_outputs([number("", [])], infos, {"y": np.empty((0, 4), np.float32)})
        with self.assertRaises(compare.MismatchError):
            compare.check_outputs([number("", [])], infos, {"y": np.empty((1, 4), np.float32)})

    def test_records_and_columns(self) -> None:
        record, columns = {"id": "x", "data": [{"a": 1}]}, {"id": ["x"], "data": [[1, 2]]}
        self.assertEqual([item["shape"] for item in expected.tensors(record)], [[], [1]])
        self.assertEqual(expected.tensors(record)[1]["values"], ['[{"a": 1}]'])
        self.assertEqual([item["shape"] for item in expected.tensors(columns)], [[1], [1, 2]])
        rows = [{"id": "x", "data": [1, 2]}, {"id": "y", "data": [3, 4]}]
        self.assertEqual(list(expected.named(rows, ["id", "data", "more"])), ["id", "data"])
        self.assertEqual(expected.tensors(expected.named(rows, ["id", "data"]))[1]["values"], ["[1, 2]", "[3, 4]"])

    def test_several_outputs_without_names(self) -> None:
        self.assertEqual(expected.named(([1], [2]), ["a", "b"]), {"a": [1], "b": [2]})
        self.assertEqual(expected.named([{"a": 1, "b": 2}], ["a", "b"]), {"a": [1], "b": [2]})
        for result in ([{"a": 1}], ([1],), [1, 2]):
            self.assertIs(expected.named(result, ["a"]), result)

    def test_what_the_environment_writes_is_read_back(self) -> None:
        for values in (np.arange(6, dtype=">i4").reshape(2, 3), np.array([True, False]), np.zeros((0, 3), np.float32)):
            tensor = reference.decode(expected.encode("x", values))
            np.testing.assert_array_equal(tensor.array, values)
            self.assertEqual(tensor.array.dtype.name, values.dtype.name)
        texts = reference.decode(expected.encode("x", ["a", "é"]))
        self.assertEqual((texts.kind, texts.array.tolist()), ("text", [b"a", "é".encode()]))
        raw = expected.encode("x", np.array([b"\xff"], object))
        self.assertEqual(raw["values"], [base64.b64encode(b"\xff").decode()])
        document = expected.encode("x", np.array([{"a": np.float32(1)}, None], object))
        self.assertEqual((document["dtype"], document["values"]), ("json", ['{"a": 1.0}', "null"]))

    def test_variants_of_an_example(self) -> None:
        example = np.array([[1.0, 2.0], [3.0, 4.0]])
        self.assertTrue(np.isnan(expected.with_missing_value(example)[0, 0]))
        self.assertEqual(example[0, 0], 1.0)
        self.assertIsNone(expected.with_missing_value(np.array([1])))
        self.assertEqual(expected.with_rows(example, 0).shape, (0, 2))
        np.testing.assert_array_equal(expected.with_rows(example, 3)[2], example[0])
        self.assertEqual(expected.with_rows({"a": [1, 2]}, 5)["a"].shape, (5,))


if __name__ == "__main__":
    absltest.main()
