"""What a configuration tells of a model."""

from __future__ import annotations

from typing import Any

from absl.testing import absltest, parameterized

from mlflow_backend import schema
from mlflow_backend.client import ClientError, calls
from mlflow_backend.client.interface import Interface
from tests.unit.client.interfaces import column, config, interface, tensor


class InterfaceTest(parameterized.TestCase):
    def test_of_a_signature(self) -> None:
        found = interface(
            column("datetime", "t"), column("double", "x", required=False), params=[column("long", "k", default=1)]
        )
        self.assertEqual(
            [(field.name, field.describe()) for field in found.inputs],
            [("t", "datetime"), ("x", "double"), ("k", "long")],
        )
        self.assertEqual([field.optional for field in found.inputs], [False, True, True])
        self.assertTrue(found.batched)
        self.assertEqual((found.name, found.decoupled, found.schema.tells_form), ("m", False, False))

    def test_order_of_the_configuration(self) -> None:
        written = config([column("double", "a"), column("double", "b")])
        written["input"].reverse()
        found = Interface.from_config(written)
        self.assertEqual([field.name for field in found.inputs], ["b", "a"])
        self.assertEqual([field.name for field in found.schema.inputs], ["a", "b"])

    @parameterized.parameters(True, False)
    def test_without_signature(self, batched: bool) -> None:
        written = config([column("double", "x"), tensor("float32", -1, 3, name="y")], batched=batched)
        del written["parameters"]
        written["input"][0]["optional"] = True
        found = Interface.from_config(written)
        self.assertIsNone(found.metadata)
        self.assertEqual(
            [(field.name, field.kind, field.shape, field.optional) for field in found.inputs],
            [("x", "column", (-1,), True), ("y", "tensor", (-1, 3), False)],
        )

    def test_texts_without_signature_are_texts(self) -> None:
        written = config([column("object", "x", properties={"a": {"type": "long"}})])
        del written["parameters"]
        self.assertEqual(Interface.from_config(written).inputs[0].describe(), "string")

    def test_the_form_is_no_output(self) -> None:
        written = config([column("double", "x")], outputs=[])
        written["output"] = [
            {"name": "y", "data_type": "TYPE_INT64", "dims": ["1"]},
            {"name": schema.ANSWER_FORM.name, "data_type": "TYPE_STRING", "dims": ["1"]},
        ]
        found = Interface.from_config(written)
        self.assertEqual([field.name for field in found.schema.outputs], ["y"])
        self.assertTrue(found.schema.tells_form)

    def test_decoupled(self) -> None:
        written = config([column("double", "x")]) | {"model_transaction_policy": {"decoupled": True}}
        self.assertTrue(Interface.from_config(written).decoupled)

    @parameterized.parameters(
        ({"input": [{"name": "x", "data_type": "TYPE_BF16", "dims": ["1"]}], "parameters": {}}, "TYPE_BF16"),
        ({"parameters": {"mlmodel": {"string_value": "{"}}}, "parameter 'mlmodel' is not JSON"),
    )
    def test_not_understood(self, part: dict[str, Any], text: str) -> None:
        with self.assertRaisesRegex(ClientError, f"the model's configuration: .*{text}"):
            calls.interface_of({"config": config([column("double", "x")]) | part}, "")


if __name__ == "__main__":
    absltest.main()
