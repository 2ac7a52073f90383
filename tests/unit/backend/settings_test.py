"""What the parameters of a configuration mean."""

from typing import Any

from absl.testing import absltest, parameterized

from mlflow_backend import settings
from mlflow_backend.errors import ConfigMismatchError


def _config(**parameters: str) -> dict[str, Any]:
    return {"parameters": {key: {"string_value": value} for key, value in parameters.items()}}


class SettingsTest(parameterized.TestCase):
    def test_nothing_said(self) -> None:
        self.assertEqual(settings.read({}, {}), settings.Settings())

    def test_everything_said(self) -> None:
        config = _config(
            model_config='{"device": "cpu"}',
            stream_threads="3",
            answer_form="true",
            warm_up="true",
            log_requests="errors",
            memory_limit="2GiB",
            EXECUTION_ENV_PATH="x",
        )
        config["parameters"]["env.HF_HOME"] = {"string_value": "/models"}
        config["parameters"]["env."] = {"string_value": "nameless"}
        config |= {"max_batch_size": 4, "model_transaction_policy": {"decoupled": True}}
        self.assertEqual(
            settings.read(config, {"SERVING_MODEL_CONFIG": '{"device": "other"}'}),
            settings.Settings(
                {"device": "cpu"},
                {"HF_HOME": "/models"},
                3,
                answer_form=True,
                warm_up=True,
                log_requests="errors",
                memory_limit=2 << 30,
                decoupled=True,
                max_batch_size=4,
            ),
        )

    def test_overrides_of_mlflow_serving(self) -> None:
        self.assertEqual(settings.read({}, {"SERVING_MODEL_CONFIG": '{"a": [1]}'}).model_config, {"a": [1]})

    @parameterized.parameters(
        ({"model_config": "{"}, "parameter 'model_config' is not JSON"),
        ({"model_config": "[1]"}, "parameter 'model_config' is list in JSON; write an object."),
        ({"stream_threads": "0"}, "parameter 'stream_threads' is '0'; write a number from 1 to 1000."),
        ({"stream_threads": "1001"}, "parameter 'stream_threads' is '1001'"),
        ({"stream_threads": "-1"}, "parameter 'stream_threads' is '-1'"),
        ({"stream_threads": "²"}, "parameter 'stream_threads' is '²'"),
        ({"answer_form": "1"}, "parameter 'answer_form' is '1'; write 'true' or 'false'."),
        ({"warm_up": "yes"}, "parameter 'warm_up' is 'yes'; write 'true' or 'false'."),
        ({"log_requests": "some"}, "'log_requests' is 'some'; write 'none' or 'errors' or 'all'."),
        (
            {"memory_limit": "much"},
            "'memory_limit' is 'much'; write a number of bytes, or one with KiB, MiB, GiB or TiB",
        ),
        ({"stream_threads": ""}, "parameter 'stream_threads' is ''"),
    )
    def test_wrong(self, parameters: dict[str, str], text: str) -> None:
        with self.assertRaisesRegex(ConfigMismatchError, text):
            settings.read(_config(**parameters), {})

    def test_wrong_variable(self) -> None:
        with self.assertRaisesRegex(ConfigMismatchError, "environment variable SERVING_MODEL_CONFIG is not JSON"):
            settings.read({}, {"SERVING_MODEL_CONFIG": "x"})


if __name__ == "__main__":
    absltest.main()
