"""Reading MLmodel."""

from __future__ import annotations

from pathlib import Path

from absl.testing import absltest, parameterized

from mlflow_backend import metadata
from mlflow_backend.errors import MetadataError

_GOOD = """
flavors:
  python_function: {loader_module: mlflow.sklearn}
  sklearn:
mlflow_version: 3.17.2
saved_input_example_info:
  artifact_path: input_example.json
  serving_input_path: serving_input_example.json
  type: dataframe
signature:
  inputs: '[{"type": "double", "name": "x", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
  params: null
"""


class MetadataTest(parameterized.TestCase):
    def _folder(self, text: str | bytes) -> Path:
        folder = Path(self.create_tempdir().full_path)
        (folder / "MLmodel").write_bytes(text if isinstance(text, bytes) else text.encode())
        return folder

    def test_facts(self) -> None:
        folder = self._folder(_GOOD)
        model = metadata.read(folder)
        self.assertEqual(list(model.flavors), ["python_function", "sklearn"])
        self.assertEqual(model.mlflow_version, "3.17.2")
        assert model.signature is not None and model.signature.inputs is not None and model.input_example is not None
        self.assertEqual(model.signature.inputs[0]["name"], "x")
        self.assertIsNone(model.signature.params)
        self.assertEqual(model.input_example.path, folder / "input_example.json")
        self.assertFalse(model.from_type_hints)

    def test_signatures_of_tasks_are_corrected(self) -> None:
        text = _GOOD.replace("  sklearn:", "  transformers: {task: feature-extraction}").replace("int64", "float64")
        model = metadata.read(self._folder(text))
        signature = model.signature
        assert signature is not None and signature.outputs is not None
        self.assertEqual(signature.outputs[0]["tensor-spec"]["shape"], [-1, -1])
        self.assertEqual(model.max_batch_size, 0)

    def test_old_models_have_less(self) -> None:
        model = metadata.read(self._folder("flavors: {python_function: {}}\n"))
        self.assertIsNone(model.signature)
        self.assertIsNone(model.input_example)

    @parameterized.parameters(
        ("{}", None), ("{max_batch_size: 0}", 0), ("{max_batch_size: 8, x: 1}", 8), ("null", None)
    )
    def test_what_the_model_says_about_batches(self, own: str, size: int | None) -> None:
        self.assertEqual(metadata.read(self._folder(f"{_GOOD}metadata: {own}\n")).max_batch_size, size)

    def test_chat_models_take_one_row(self) -> None:
        for loader, task in (("chat_agent", "null"), ("code_model", "agent/v1/chat")):
            flavors = f"flavors: {{python_function: {{loader_module: mlflow.pyfunc.loaders.{loader}}}}}"
            model = metadata.read(self._folder(f"{flavors}\nmetadata: {{task: {task}}}"))
            self.assertEqual((model.is_chat, model.max_batch_size), (True, 1))

    @parameterized.named_parameters(
        (
            "batch_size",
            "flavors: {a: {}}\nmetadata: {max_batch_size: many}",
            "'metadata.max_batch_size' is 'many'; save",
        ),
        ("batch_size_below_0", "flavors: {a: {}}\nmetadata: {max_batch_size: -1}", "'metadata.max_batch_size' is -1"),
        ("not_utf8", b"\xff\xfe\xfa", "cannot be read"),
        ("not_yaml", "flavors: [", "not YAML"),
        ("not_mapping", "- 1\n", "holds list, not a mapping"),
        ("no_flavors", "signature: null\n", "no 'flavors'"),
        ("signature_text", "flavors: {a: {}}\nsignature: x\n", "'signature' is str, not a mapping"),
        ("signature_json", "flavors: {a: {}}\nsignature: {inputs: '[{'}\n", "'signature.inputs' is not JSON"),
        ("signature_list", "flavors: {a: {}}\nsignature: {outputs: '[1]'}\n", "'signature.outputs' is not a list"),
    )
    def test_unreadable(self, text: str | bytes, message: str) -> None:
        folder = self._folder(text)
        with self.assertRaises(MetadataError) as caught:
            metadata.read(folder)
        self.assertIn(message, str(caught.exception))
        self.assertIn(str(folder / "MLmodel"), str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))

    def test_no_mlmodel(self) -> None:
        folder = Path(self.create_tempdir().full_path)
        with self.assertRaisesRegex(MetadataError, f"{folder}: no MLmodel file in it.*give the folder that"):
            metadata.read(folder)

    def test_summary(self) -> None:
        model = metadata.read(self._folder(_GOOD + "is_signature_from_type_hint: true\nmodel_uuid: abc\n"))
        text = metadata.summary(model)
        self.assertNotIn("abc", text)
        self.assertEqual(text, metadata.summary(metadata.from_summary(text)))
        told = metadata.from_summary(text)
        self.assertEqual((told.signature, told.mlflow_version), (model.signature, "3.17.2"))
        self.assertTrue(told.from_type_hints)
        self.assertEqual(told.flavors, {"python_function": {"loader_module": "mlflow.sklearn"}, "sklearn": {}})
        self.assertIsNone(told.input_example)

    def test_summary_of_a_model_without_signature(self) -> None:
        text = metadata.summary(metadata.read(self._folder("flavors: {python_function: {}}\n")))
        self.assertIsNone(metadata.from_summary(text).signature)

    @parameterized.parameters(
        ("{", "parameter 'mlmodel' is not JSON: "),
        ("[]", "parameter 'mlmodel' is no JSON object; write config.pbtxt again."),
        ("{}", "config.pbtxt: no 'flavors'"),
    )
    def test_no_summary(self, text: str, message: str) -> None:
        with self.assertRaisesRegex(MetadataError, message):
            metadata.from_summary(text)


if __name__ == "__main__":
    absltest.main()
