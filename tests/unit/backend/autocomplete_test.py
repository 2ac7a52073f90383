"""Auto-completion of configurations."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from absl.testing import absltest

from mlflow_backend import autocomplete
from mlflow_backend.errors import BackendError, ConfigMismatchError
from tests.unit.backend.model_config import ModelConfig


class AutocompleteTest(absltest.TestCase):
    def _folder(
        self,
        inputs: list[dict[str, Any]],
        params: list[dict[str, Any]] | None = None,
        own: dict[str, Any] | None = None,
    ) -> Path:
        folder = Path(self.create_tempdir().full_path)
        document = {
            "flavors": {"python_function": {}},
            "metadata": own,
            "signature": {
                "inputs": json.dumps(inputs),
                "outputs": json.dumps([{"type": "long"}]),
                "params": json.dumps(params) if params else None,
            },
        }
        # JSON is YAML.
        (folder / "MLmodel").write_text(json.dumps(document), encoding="utf-8")
        return folder

    def test_two_lines_are_enough(self) -> None:
        folder = self._folder(
            [{"type": "double", "name": "x", "required": True}, {"type": "string", "name": "s", "required": False}],
            [{"name": "k", "type": "long", "default": 1, "shape": None}],
        )
        config = autocomplete.complete(ModelConfig(), folder)
        self.assertEqual(
            config.as_dict(),
            {
                "max_batch_size": 64,
                "dynamic_batching": {},
                "input": [
                    {"name": "x", "data_type": "TYPE_FP64", "dims": [1]},
                    {"name": "s", "data_type": "TYPE_STRING", "dims": [1], "optional": True},
                    {"name": "k", "data_type": "TYPE_INT64", "dims": [1], "optional": True},
                ],
                "output": [{"name": "output-0", "data_type": "TYPE_INT64", "dims": [1]}],
            },
        )

    def test_optional_outputs(self) -> None:
        folder = self._folder([{"type": "double", "name": "x", "required": True}])
        document = json.loads((folder / "MLmodel").read_text(encoding="utf-8"))
        document["signature"]["outputs"] = json.dumps([{"type": "string", "name": "note", "required": False}])
        (folder / "MLmodel").write_text(json.dumps(document), encoding="utf-8")
        config = autocomplete.complete(ModelConfig(), folder).as_dict()
        self.assertEqual(config["output"], [{"name": "note", "data_type": "TYPE_STRING", "dims": [1]}])

    def test_what_the_model_says_about_batches(self) -> None:
        column = [{"type": "double", "name": "x", "required": True}]
        for size, dims in ((0, [-1]), (8, [1])):
            config = autocomplete.complete(ModelConfig(), self._folder(column, own={"max_batch_size": size})).as_dict()
            self.assertEqual((config["max_batch_size"], config["input"][0]["dims"]), (size, dims))

    def test_a_complete_configuration_is_left_alone(self) -> None:
        folder = self._folder([{"type": "double", "name": "x", "required": True}])
        written = {
            "input": [{"name": "x", "data_type": "TYPE_FP64", "dims": [-1, 1]}],
            "output": [{"name": "output-0", "data_type": "TYPE_INT64", "dims": [-1]}],
        }
        expected = json.loads(json.dumps(written))
        config = autocomplete.complete(ModelConfig(**written), folder).as_dict()
        self.assertEqual((config["input"], config["output"]), (expected["input"], expected["output"]))
        self.assertEqual(config["max_batch_size"], 0)
        self.assertNotIn("dynamic_batching", config)

    def test_an_input_and_an_output_may_share_a_name(self) -> None:
        folder = self._folder(
            [{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1, 2]}, "name": "output-0"}]
        )
        config = autocomplete.complete(
            ModelConfig(
                max_batch_size=8,
                input=[{"name": "output-0", "data_type": "TYPE_INT64", "dims": [2]}],
                output=[{"name": "output-0", "data_type": "TYPE_INT64", "dims": [1]}],
            ),
            folder,
        ).as_dict()
        self.assertEqual((config["input"][0]["dims"], config["output"][0]["dims"]), ([2], [1]))

    def test_outputs_have_no_property_optional(self) -> None:
        folder = self._folder([{"type": "long", "name": "x"}])
        outputs = [{"type": "map", "values": {"type": "any"}, "name": "more", "required": False}]
        signature = {"inputs": json.dumps([{"type": "long", "name": "x"}]), "outputs": json.dumps(outputs)}
        document = {"flavors": {"python_function": {}}, "signature": signature}
        (folder / "MLmodel").write_text(json.dumps(document))
        config = autocomplete.complete(ModelConfig(), folder)
        self.assertEqual(config.as_dict()["output"], [{"name": "more", "data_type": "TYPE_STRING", "dims": [1]}])

    def test_model_without_row_axis_is_not_batched(self) -> None:
        folder = self._folder([{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [2, 3]}}])
        config = autocomplete.complete(ModelConfig(), folder).as_dict()
        self.assertEqual((config["max_batch_size"], config["input"][0]["dims"]), (0, [2, 3]))

    def test_conflict_names_the_field(self) -> None:
        folder = self._folder([{"type": "double", "name": "x", "required": True}])
        config = ModelConfig(max_batch_size=4, input=[{"name": "x", "data_type": "TYPE_FP32", "dims": [1]}])
        with self.assertRaisesRegex(ConfigMismatchError, "input 'x': data_type is TYPE_FP32.*write TYPE_FP64"):
            autocomplete.complete(config, folder)

    def test_unreadable_model(self) -> None:
        with self.assertRaisesRegex(BackendError, "no MLmodel file"):
            autocomplete.complete(ModelConfig(), Path(self.create_tempdir().full_path))

    def test_imports_stay_light(self) -> None:
        # The paths that this test was started with; it may have been started in isolated mode.
        program = (
            f"import sys; sys.path[:] = {sys.path!r}\n"
            "import mlflow_backend.autocomplete\n"
            "print([name for name in ('mlflow', 'pandas', 'numpy') if name in sys.modules])"
        )
        output = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
        self.assertEqual(output.stdout.strip(), "[]")


if __name__ == "__main__":
    absltest.main()
