"""Loading a model where it will be served: a missing module is named."""

import contextlib
import io
import sys
from pathlib import Path
from unittest import mock

from absl.testing import absltest

from mlflow_backend_utils.model import load_check
from tests.unit.model import fixtures


class LoadCheckTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)

    def run_check(self, model: Path) -> tuple[int, str]:
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            status = load_check.main(["--model", str(model), "--out", str(self.folder / "stamp")])
        return status, errors.getvalue()

    def test_loads_and_predicts(self) -> None:
        status, errors = self.run_check(fixtures.trained(self.folder / "model", "skops"))
        self.assertEqual(status, 0, errors)
        self.assertEqual((self.folder / "stamp").read_text(), "ok\n")

    def test_missing_module(self) -> None:
        model = fixtures.trained(self.folder / "model", "skops")
        hidden = {name: None for name in sys.modules if name.partition(".")[0] == "skops"} | {"skops": None}
        with mock.patch.dict(sys.modules, hidden):
            status, errors = self.run_check(model)
        self.assertEqual(status, 1)
        self.assertRegex(errors, r"load_check: the model needs the Python module 'skops[\w.]*', which its environment")
        self.assertFalse((self.folder / "stamp").exists())

    def test_other_errors_are_one_line(self) -> None:
        status, errors = self.run_check(fixtures.written(self.folder / "model"))
        self.assertEqual(status, 1)
        # MLflow may have warned before.
        *_, line = errors.splitlines()
        self.assertStartsWith(line, "load_check: the model does not load and predict in its environment: KeyError")

    def test_module_in_a_chain_of_causes(self) -> None:
        error = RuntimeError("outer")
        error.__cause__ = ModuleNotFoundError("no", name="inner.module")
        self.assertEqual(load_check.missing_module(error), "inner.module")
        self.assertEqual(load_check.missing_module(RuntimeError()), "")


if __name__ == "__main__":
    absltest.main()
