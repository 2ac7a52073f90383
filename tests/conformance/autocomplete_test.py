"""Spec 8.1, line 8: what `auto_complete_config` may do, and what happens without it."""

import json

import numpy as np
from absl.testing import absltest, parameterized

from tests.conformance import harness, processes
from tests.conformance.repository import Model

_BROKEN = "import no_such_module\n"


def _model(mode: str, *, complete: bool = False) -> Model:
    return Model("autocomplete", mode, parameters={"mode": mode}, complete=complete)


class AutoCompleteTest(harness.ServerTest):
    AUTO_COMPLETE = True
    # Each load takes a second more, so they are loaded together.
    MODELS = [_model("add"), _model("log"), _model("same", complete=True), Model("inspect")]

    def _config(self, name: str) -> dict[str, object]:
        return dict(self.client.get_model_config(name, as_json=True)["config"])

    def test_line_8_absent(self) -> None:
        self.assertEqual(self._config("inspect")["input"][0]["name"], "IN")
        self.assertEqual(self.ask("inspect")["name"], "1.model")

    def test_line_8_same_config(self) -> None:
        self.assertEqual(self._config("same")["output"][0]["name"], "RESULT")
        self.assertEqual(self.ask("same"), 0)

    def test_line_8_adds_inputs_outputs_and_batches(self) -> None:
        config = self._config("add")
        self.assertEqual(config["max_batch_size"], 4)
        self.assertEqual(config["input"], [{"name": "IN", "data_type": "TYPE_INT32", "dims": ["1"]}])
        self.assertEqual(config["output"], [{"name": "RESULT", "data_type": "TYPE_STRING", "dims": ["1"]}])
        self.assertIn("dynamic_batching", config)
        got = self.infer("add", {"IN": np.zeros((1, 1), np.int32)})
        self.assertEqual(got["RESULT"].ravel()[0], b"4")

    @harness.needs_release("23.11", "ModelConfig.set_model_transaction_policy")
    def test_line_8_decoupled(self) -> None:
        self.serve(_model("decoupled"))
        self.assertEqual(self._config("decoupled")["model_transaction_policy"], {"decoupled": True})

    def test_line_8_logs(self) -> None:
        """To the standard error, as the server does not listen yet, in the server's format."""
        pattern = r"(?m)^I\d{4} \d\d:\d\d:\d\d\.\d{6} \d+ model\.py:\d+\]  ?\"?a word in auto-complete"
        self.assertRegex(self.server.log_text(), pattern)

    @parameterized.parameters(
        ("raise", "ValueError: auto-complete boom\n\nAt:\n  "),
        (
            "wrong_type",
            "auto_complete_config function in model 'wrong_type' must return a valid pb.ModelConfig object.",
        ),
        ("none", "auto_complete_config function in model 'none' must return a valid pb.ModelConfig object."),
    )
    def test_line_8_fails(self, mode: str, text: str) -> None:
        self.skip_if_shipped("failed_auto_complete", before="24.06")
        self.assertIn(text, self.load_error(_model(mode, complete=True)))
        harness.wait_for(lambda: len(processes.stub_pids(self.server)) == len(self.MODELS), "the end of the stub")

    def test_line_5_import_error(self) -> None:
        self.skip_if_shipped("failed_auto_complete", before="24.06")
        message = self.load_error(Model(name="broken", source=_BROKEN))
        self.assertIn("ModuleNotFoundError: No module named 'no_such_module'", message)


class NoAutoCompleteTest(harness.ServerTest):
    def test_line_8_switched_off(self) -> None:
        """A model that would fail to complete its config is not asked to."""
        self.serve(_model("raise", complete=True))
        self.assertEqual(json.dumps(self.ask("raise")), "0")


if __name__ == "__main__":
    absltest.main()
