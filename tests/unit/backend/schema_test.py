"""The table between signatures and tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from absl.testing import absltest, parameterized
from mlflow.types import DataType

from mlflow_backend import codecs, schema
from mlflow_backend.errors import SchemaError
from mlflow_backend.metadata import Signature

_COLUMN = {"type": "double", "name": "x", "required": True}


def _tensor(shape: list[int], dtype: str = "float32", **more: Any) -> dict[str, Any]:
    return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": shape}, **more}


def _build(
    inputs: list[dict[str, Any]],
    outputs: list[dict[str, Any]] | None = None,
    params: list[dict[str, Any]] | None = None,
) -> schema.ModelSchema:
    return schema.build(
        Signature(tuple(inputs), tuple(outputs) if outputs else None, tuple(params) if params else None)
    )


class SchemaTest(parameterized.TestCase):
    def test_every_column_type_of_mlflow_has_a_row(self) -> None:
        for data_type in DataType:
            with self.subTest(data_type.name):
                carrier = schema.COLUMN_TYPES[data_type.name]
                self.assertIn(carrier.codec, codecs.CODECS)
                if carrier.codec == "plain":
                    self.assertEqual(np.dtype(carrier.numpy), data_type.to_numpy())

    @parameterized.parameters(
        ([-1], True, (1,)),
        ([-1], False, (-1,)),
        ([-1, 28, -1], True, (28, -1)),
        ([-1, 28, -1], False, (-1, 28, -1)),
        ([3, 4], False, (3, 4)),
        ([], False, (1,)),
    )
    def test_dims_of_tensors(self, shape: list[int], batched: bool, dims: tuple[int, ...]) -> None:
        self.assertEqual(_build([_tensor(shape)]).inputs[0].dims(batched), dims)

    def test_dims_of_columns(self) -> None:
        column = _build([_COLUMN]).inputs[0]
        self.assertEqual((column.dims(True), column.dims(False)), ((1,), (-1,)))

    def test_unnamed_get_numbers(self) -> None:
        built = _build([{"type": "long"}, {"type": "string", "name": ""}], [_tensor([-1])])
        self.assertEqual([field.name for field in built.inputs], ["input-0", "input-1"])
        self.assertEqual(built.outputs[0].name, "output-0")
        self.assertIsNone(built.inputs[0].source)

    def test_integer_names_are_kept_for_the_model(self) -> None:
        field = _build([{"type": "long", "name": 7}]).inputs[0]
        self.assertEqual((field.name, field.source), ("7", 7))

    @parameterized.parameters(
        ({"required": False}, True), ({"optional": True}, True), ({"required": True}, False), ({}, False)
    )
    def test_optional(self, more: dict[str, Any], optional: bool) -> None:
        self.assertEqual(_build([{"type": "long", "name": "x", **more}]).inputs[0].optional, optional)

    @parameterized.parameters(([-1, 3], [-1], True), ([3], [-1], False), ([-1], [3], False))
    def test_batchable(self, inputs: list[int], outputs: list[int], batchable: bool) -> None:
        self.assertEqual(_build([_tensor(inputs)], [_tensor(outputs)]).batchable, batchable)

    def test_params_are_optional_inputs_unless_an_input_has_the_name(self) -> None:
        built = _build(
            [_COLUMN],
            params=[
                {"name": "x", "type": "long", "default": 1, "shape": None},
                {"name": "k", "dtype": "double", "default": [1.0], "shape": [-1]},
            ],
        )
        self.assertEqual([field.name for field in built.params], ["x", "k"])
        self.assertEqual([field.name for field in built.param_inputs], ["k"])
        self.assertEqual(built.params[1].dims(True), (-1,))
        self.assertTrue(built.params[1].optional)

    @parameterized.named_parameters(
        ("vector", [{"type": "sparkml_vector", "name": "v"}], "input 'v' has type 'sparkml_vector'.*Spark vectors"),
        ("unknown", [{"type": "decimal", "name": "v"}], "input 'v' has type 'decimal'.*known types are boolean, "),
        ("complex", [_tensor([-1], "complex64")], "input 'input-0' has dtype 'complex64'.*no complex numbers"),
        ("dtype", [_tensor([-1], "void")], "has dtype 'void'.*known types are bool, int8"),
        ("shape", [_tensor([-2])], r"has shape \[-2\]"),
        ("no_spec", [{"type": "tensor"}], "a tensor without 'tensor-spec'"),
        ("twice", [_COLUMN, _COLUMN], "input 'x' occurs twice"),
    )
    def test_refused(self, inputs: list[dict[str, Any]], message: str) -> None:
        with self.assertRaisesRegex(SchemaError, message):
            _build(inputs)

    def test_reserved_parameter(self) -> None:
        with self.assertRaisesRegex(SchemaError, "parameter 'priority' has a name that Triton keeps for itself"):
            _build([_COLUMN], params=[{"name": "priority", "type": "long", "default": 1}])

    def test_no_signature(self) -> None:
        for signature in (None, Signature(None, None, None)):
            with self.assertRaisesRegex(SchemaError, "the model has no signature for its inputs.*infer_signature"):
                schema.build(signature)


if __name__ == "__main__":
    absltest.main()
