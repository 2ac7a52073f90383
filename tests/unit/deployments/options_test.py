"""Options of deployments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from absl.testing import absltest, parameterized
from mlflow.exceptions import MlflowException

from mlflow_backend_utils.config.options import ENV_PATH
from mlflow_backend_utils.deployments import options


class OptionsTest(parameterized.TestCase):
    def test_nothing_said(self) -> None:
        found = options.read(None)
        self.assertEqual((found.config.env_path, found.config.answer_form, found.conda_pack), ("", True, None))

    def test_everything_said(self) -> None:
        found = options.read(
            {
                "max_batch_size": "16",
                "instance_count": 2,
                "instance_kind": "KIND_CPU",
                "preferred_batch_sizes": "4,8",
                "warm_up": "true",
                "streaming": True,
                "answer_form": "false",
                "parameters.stream_threads": "3",
                "env_path": "/env",
            }
        ).config
        self.assertEqual((found.max_batch_size, found.instance_count, found.instance_kind), (16, 2, "KIND_CPU"))
        self.assertEqual((found.preferred_batch_sizes, found.parameters), ((4, 8), {"stream_threads": "3"}))
        self.assertEqual(
            (found.warm_up, found.streaming, found.answer_form, found.env_path), (True, True, False, "/env")
        )

    def test_every_option_of_the_help_is_known(self) -> None:
        for name in options._PARSERS:
            self.assertIn(name, options.KEYS)
            self.assertTrue(hasattr(options.read({}).config, name))

    def test_environments(self) -> None:
        archive = Path(self.create_tempfile().full_path)
        self.assertEqual(options.read({"conda_pack": str(archive)}).config.env_path, ENV_PATH)
        folder = options.read({"conda_pack": self.create_tempdir().full_path})
        self.assertEqual(folder.config.env_path, "$$TRITON_MODEL_DIRECTORY/env")

    def test_no_batches(self) -> None:
        self.assertFalse(options.read({"max_batch_size": "0"}).config.dynamic_batching)

    @parameterized.parameters(
        ({"batch": "1"}, "option 'batch' is unknown; known are conda_pack, env_path, "),
        ({"max_batch_size": "many"}, "option max_batch_size is 'many'; give a number."),
        ({"max_batch_size": "-1"}, "max_batch_size is -1; it must be 0 or more."),
        ({"warm_up": "yes"}, "option warm_up is 'yes'; give true or false."),
        ({"instance_kind": "GPU"}, "instance_kind is 'GPU'; allowed are KIND_AUTO"),
        ({"stub": "/nowhere/stub"}, "option stub: /nowhere/stub does not exist."),
        ({"conda_pack": "a", "env_path": "b"}, "give either conda_pack, to copy an environment, or env_path"),
    )
    def test_wrong(self, given: dict[str, Any], text: str) -> None:
        with self.assertRaisesRegex(MlflowException, text):
            options.read(given)


if __name__ == "__main__":
    absltest.main()
