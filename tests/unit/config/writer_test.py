"""The text of config.pbtxt."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from absl.testing import absltest, parameterized

from mlflow_backend import metadata
from mlflow_backend_utils.config import messages
from mlflow_backend_utils.config.writer import ConfigError, ConfigOptions, render_config
from tests.unit.config import mlmodel

_WHOLE = """name: "m"
max_batch_size: 16
input {
  name: "x"
  data_type: TYPE_FP64
  dims: 1
}
input {
  name: "note"
  data_type: TYPE_STRING
  dims: 1
  optional: true
}
input {
  name: "k"
  data_type: TYPE_INT64
  dims: 1
  optional: true
}
output {
  name: "output-0"
  data_type: TYPE_INT64
  dims: 1
}
instance_group {
  count: 2
  kind: KIND_CPU
}
dynamic_batching {
  preferred_batch_size: 4
  preferred_batch_size: 8
  max_queue_delay_microseconds: 100
}
parameters {
  key: "A"
  value {
    string_value: "b"
  }
}
parameters {
  key: "EXECUTION_ENV_PATH"
  value {
    string_value: "$$TRITON_MODEL_DIRECTORY/conda-pack.tar.gz"
  }
}
parameters {
  key: "mlmodel"
  value {
    string_value: "…"
  }
}
backend: "mlflow"
"""


def _tensor(*shape: int, dtype: str = "float32") -> dict[str, Any]:
    return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": list(shape)}}


class _Case(parameterized.TestCase):
    def _folder(self, **parts: Any) -> Path:
        return mlmodel.write(Path(self.create_tempdir().full_path), **parts)

    def _config(self, options: ConfigOptions, **parts: Any) -> Any:
        text = render_config(self._folder(**parts), options)
        return messages.text_format().Parse(text, messages.model_config().ModelConfig())


class WriterTest(_Case):
    def test_whole_text(self) -> None:
        options = ConfigOptions(
            name="m",
            max_batch_size=16,
            instance_count=2,
            instance_kind="KIND_CPU",
            max_queue_delay_microseconds=100,
            preferred_batch_sizes=(8, 4),
            parameters={"A": "b"},
        )
        folder = self._folder(params=[{"name": "k", "type": "long", "default": 1, "shape": None}])
        text, again = render_config(folder, options), render_config(folder, options)
        # The model's own words are quoted twice in it.
        self.assertEqual(re.sub(r'(key: "mlmodel"\n.*\n.*string_value: )".*"', r'\1"…"', text), _WHOLE)
        self.assertEqual(text, again)

    def test_clients_are_told_the_signature(self) -> None:
        params = [{"name": "k", "type": "long", "default": 1, "shape": None}]
        told = metadata.from_summary(self._config(ConfigOptions(), params=params).parameters["mlmodel"].string_value)
        self.assertEqual(told.signature, metadata.Signature(tuple(mlmodel.COLUMNS), tuple(mlmodel.OUTPUTS), (*params,)))

    def test_answer_form(self) -> None:
        config = self._config(ConfigOptions(answer_form=True))
        self.assertEqual([entry.name for entry in config.output], ["output-0", "mlflow_answer_form"])
        self.assertEqual(config.parameters["answer_form"].string_value, "true")

    def test_defaults(self) -> None:
        config = self._config(ConfigOptions())
        self.assertEqual((config.name, config.max_batch_size, config.backend), ("", 64, "mlflow"))
        self.assertTrue(config.HasField("dynamic_batching"))
        self.assertEmpty(config.instance_group)

    def test_unbatched(self) -> None:
        config = self._config(ConfigOptions(max_batch_size=0))
        self.assertEqual(list(config.input[0].dims), [-1])
        self.assertFalse(config.HasField("dynamic_batching"))

    def test_model_without_row_axis_is_unbatched(self) -> None:
        config = self._config(ConfigOptions(max_batch_size=64), inputs=[_tensor(2, 3)])
        self.assertEqual((config.max_batch_size, list(config.input[0].dims)), (0, [2, 3]))

    def test_what_the_model_says_about_batches(self) -> None:
        for said, asked, written in ((0, 64, 0), (8, 64, 8), (8, 4, 4)):
            config = self._config(ConfigOptions(max_batch_size=asked), own={"max_batch_size": said})
            self.assertEqual(config.max_batch_size, written)
        with self.assertRaisesRegex(
            ConfigError, "max_batch_size is 64, but the model takes 8; write max_batch_size: 8."
        ):
            self._config(ConfigOptions(handwritten="max_batch_size: 64"), own={"max_batch_size": 8})

    def test_ragged_batches(self) -> None:
        shapes = [{**_tensor(-1, -1), "name": "a"}, {**_tensor(-1, 3), "name": "b"}]
        config = self._config(ConfigOptions(), inputs=shapes)
        self.assertEqual([entry.allow_ragged_batch for entry in config.input], [True, False])
        for options in (ConfigOptions(allow_ragged_batch=False), ConfigOptions(max_batch_size=0)):
            self.assertFalse(self._config(options, inputs=shapes).input[0].allow_ragged_batch)
        narrower = ConfigOptions(handwritten='input { name: "a" dims: 5 }')
        self.assertFalse(self._config(narrower, inputs=shapes).input[0].allow_ragged_batch)
        wrong = ConfigOptions(handwritten='input { name: "b" allow_ragged_batch: true }')
        with self.assertRaisesRegex(
            ConfigError, "input 'b': allow_ragged_batch is true, but the signature says tensor"
        ):
            self._config(wrong, inputs=shapes)

    def test_names_in_any_script(self) -> None:
        name = 'größe "π"/\\'
        text = render_config(self._folder(inputs=[{"type": "double", "name": name, "required": True}]))
        self.assertIn("größe", text)
        self.assertEqual(
            self._config(ConfigOptions(handwritten=text), inputs=[{"type": "double", "name": name, "required": True}])
            .input[0]
            .name,
            name,
        )

    @parameterized.parameters(("all", "all"), ("latest:2", "latest"), ("specific:1,3", "specific"))
    def test_version_policy(self, policy: str, choice: str) -> None:
        config = self._config(ConfigOptions(version_policy=policy))
        self.assertEqual(config.version_policy.WhichOneof("policy_choice"), choice)

    def test_queue(self) -> None:
        batching = self._config(
            ConfigOptions(priority_levels=4, queue_timeout_microseconds=500, max_queue_size=7)
        ).dynamic_batching
        self.assertEqual((batching.priority_levels, batching.default_priority_level), (4, 2))
        policy = batching.default_queue_policy
        self.assertEqual((policy.max_queue_size, policy.default_timeout_microseconds), (7, 500))
        self.assertTrue(policy.allow_timeout_override)

    def test_rate_limiter(self) -> None:
        options = ConfigOptions(rate_limiter_resources={"b": 2, "a": 1}, rate_limiter_priority=3)
        (group,) = self._config(options).instance_group
        self.assertEqual([(one.name, one.count) for one in group.rate_limiter.resources], [("a", 1), ("b", 2)])
        self.assertEqual((group.count, group.rate_limiter.priority), (1, 3))

    def test_response_cache(self) -> None:
        self.assertTrue(self._config(ConfigOptions(response_cache=True)).response_cache.enable)
        written = ConfigOptions(response_cache=True, handwritten="response_cache { enable: false }")
        self.assertFalse(self._config(written).response_cache.enable)

    def test_warm_up_needs_an_example(self) -> None:
        with self.assertRaisesRegex(ConfigError, "warm_up needs an input example; save the model with input_example=…"):
            self._config(ConfigOptions(warm_up=True))
        config = self._config(
            ConfigOptions(warm_up=True), example={"type": "dataframe", "artifact_path": "input_example.json"}
        )
        self.assertEqual(config.parameters["warm_up"].string_value, "true")

    @parameterized.named_parameters(
        ("queue", {"max_queue_size": -1}, "max_queue_size is -1; it must be 0 or more"),
        ("queue_of_none", {"max_queue_size": 1, "max_batch_size": 0}, "max_queue_size needs dynamic batching"),
        ("cached_stream", {"response_cache": True, "streaming": True}, "response_cache and streaming exclude"),
        ("resource", {"rate_limiter_resources": {"a": 0}}, "rate_limiter_resources has 'a': 0; give each"),
        ("batch", {"max_batch_size": -1}, "max_batch_size is -1; it must be 0 or more"),
        ("kind", {"instance_kind": "GPU"}, "instance_kind is 'GPU'; allowed are KIND_AUTO, "),
        ("preferred", {"max_batch_size": 4, "preferred_batch_sizes": (8,)}, r"preferred_batch_sizes are \[8\]"),
        ("policy", {"version_policy": "newest"}, "version_policy is 'newest'; allowed are 'all'"),
    )
    def test_options_out_of_range(self, options: dict[str, Any], message: str) -> None:
        with self.assertRaisesRegex(ConfigError, message):
            render_config(self._folder(), ConfigOptions(**options))

    @parameterized.named_parameters(
        ("inputs", {"inputs": None}, "the model has no signature for its inputs"),
        ("outputs", {"outputs": None}, "the signature has no outputs"),
        ("type", {"inputs": [{"type": "sparkml_vector", "name": "v"}]}, "input 'v' has type 'sparkml_vector'"),
    )
    def test_models_that_cannot_be_served(self, parts: dict[str, Any], message: str) -> None:
        folder = self._folder(**parts)
        with self.assertRaisesRegex(ConfigError, f"{folder}: .*{message}") as caught:
            render_config(folder)
        self.assertNotIn("\n", str(caught.exception))

    def test_no_mlmodel(self) -> None:
        folder = Path(self.create_tempdir().full_path)
        with self.assertRaisesRegex(ConfigError, f"^{folder}: no MLmodel file in it, so it is not an MLflow model"):
            render_config(folder)

    def test_signature_that_is_no_json(self) -> None:
        folder = Path(self.create_tempdir().full_path)
        (folder / "MLmodel").write_text("flavors: {a: {}}\nsignature: {inputs: '[{'}\n", encoding="utf-8")
        with self.assertRaisesRegex(ConfigError, f"^{folder}/MLmodel: 'signature.inputs' is not JSON"):
            render_config(folder)


class HandwrittenTest(_Case):
    def test_what_it_says_is_kept_and_the_rest_filled_in(self) -> None:
        config = self._config(
            ConfigOptions(
                name="m",
                handwritten="""
                max_batch_size: 8
                instance_group { count: 3 kind: KIND_GPU }
                input { name: "note" }
                parameters { key: "EXECUTION_ENV_PATH" value { string_value: "/env" } }
                optimization { eager_batching: true }
                """,
                instance_count=1,
                max_batch_size=64,
            )
        )
        self.assertEqual((config.name, config.max_batch_size, config.instance_group[0].count), ("m", 8, 3))
        self.assertEqual([entry.name for entry in config.input], ["note", "x"])
        self.assertTrue(config.input[0].optional)
        self.assertEqual(list(config.input[0].dims), [1])
        self.assertEqual(config.parameters["EXECUTION_ENV_PATH"].string_value, "/env")
        self.assertTrue(config.optimization.eager_batching)

    def test_a_written_zero_is_kept(self) -> None:
        config = self._config(ConfigOptions(handwritten="max_batch_size: 0\n"))
        self.assertEqual(config.max_batch_size, 0)
        self.assertEqual(self._config(ConfigOptions(handwritten="")).max_batch_size, 64)

    def test_sequence_batching_is_kept(self) -> None:
        config = self._config(ConfigOptions(handwritten="sequence_batching { oldest {} }"))
        self.assertEqual(config.WhichOneof("scheduling_choice"), "sequence_batching")

    def test_outputs_by_hand_where_the_signature_has_none(self) -> None:
        text = 'output { name: "y" data_type: TYPE_FP32 dims: 1 }'
        config = self._config(ConfigOptions(handwritten=text), outputs=None)
        self.assertEqual(config.output[0].name, "y")

    @parameterized.named_parameters(
        (
            "data_type",
            'input { name: "x" data_type: TYPE_FP32 dims: 1 }',
            "input 'x': data_type is TYPE_FP32, but the signature says double; write TYPE_FP64.",
        ),
        (
            "dims",
            'input { name: "x" data_type: TYPE_FP64 dims: 4 }',
            "input 'x': dims are [4], but the signature says double, which with max_batch_size above 0 is [1]; "
            "write dims: [1].",
        ),
        ("unknown", 'input { name: "z" }', "input 'z' is not in the signature, whose inputs are 'x', 'note'"),
        ("optional", 'input { name: "x" optional: true }', "input 'x': optional is true"),
        ("output", 'output { name: "output-0" data_type: TYPE_FP32 dims: 1 }', "output 'output-0': data_type is"),
        ("name", 'name: "other"', "name is 'other', but the model is 'm'; remove 'name'"),
        ("backend", 'backend: "python"', "backend is 'python', but only 'mlflow' serves MLflow models"),
        ("syntax", "max_batch_size: x", "cannot be parsed, line:column 1:17"),
        ("field", "max_batch_sizes: 1", "cannot be parsed, line:column 1:1"),
    )
    def test_contradictions(self, text: str, message: str) -> None:
        with self.assertRaises(ConfigError) as caught:
            render_config(self._folder(), ConfigOptions(name="m", handwritten=text))
        self.assertStartsWith(str(caught.exception), "hand-written config.pbtxt")
        self.assertIn(message, str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))

    def test_batching_without_row_axis(self) -> None:
        with self.assertRaisesRegex(ConfigError, "max_batch_size is 4, but .* write max_batch_size: 0"):
            render_config(self._folder(inputs=[_tensor(2, 3)]), ConfigOptions(handwritten="max_batch_size: 4"))


if __name__ == "__main__":
    absltest.main()
