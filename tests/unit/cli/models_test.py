"""`mlflow-backend-utils models`: what it prints, and exit statuses. What it does is tested with the store."""

import json
import pathlib
from unittest import mock

from absl.testing import absltest, parameterized
from click.testing import CliRunner, Result

from mlflow_backend_utils.cli import main, models

_MLMODEL = "flavors:\n  python_function: {loader_module: mlflow.sklearn}\nrun_id: abc\n"


class ModelsTest(parameterized.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.top = pathlib.Path(self.create_tempdir().full_path)
        self.model = self.top / "model"
        self.model.mkdir()
        (self.model / "MLmodel").write_text(_MLMODEL)

    def run_models(self, *arguments: object) -> Result:
        words = ["models", *map(str, arguments)]
        return CliRunner(env={"MLFLOW_BACKEND_STORE": str(self.top / "store")}).invoke(main.cli, words)

    def done(self, *arguments: object) -> str:
        """Standard output of a command that succeeds."""
        result = self.run_models(*arguments)
        self.assertEqual(result.exit_code, 0, result.output)
        return result.stdout

    @parameterized.parameters("import", "list", "get", "delete", "export")
    def test_help_names_every_flag(self, command: str) -> None:
        said = self.done(command, "--help")
        for option in models.models.commands[command].params:
            self.assertIn(option.opts[0].upper() if option.param_type_name == "argument" else option.opts[0], said)
        self.assertIn(command, self.done("--help"))

    def test_a_life(self) -> None:
        self.assertRegex(self.done("import", "wine:1", self.model), r"^wine:1  sha256:[0-9a-f]{64}  1 files, \d+ B\n$")
        self.done("import", "a.much-longer_name", self.model)
        head, first, second = self.done("list").splitlines()
        self.assertEqual(head.split(), ["MODEL", "SHA256", "SIZE", "IMPORTED", "FLAVORS", "URI"])
        self.assertEqual([first.split()[0], second.split()[0]], ["a.much-longer_name:latest", "wine:1"])
        self.assertEqual(head.index("URI"), second.index(str(self.model)))
        known = json.loads(self.done("get", "wine:1"))
        self.assertEqual(known, json.loads(self.done("list", "-o", "json"))[1])
        self.assertEqual(known["metadata"], {"mlmodel": {"flavors": ["python_function"], "run_id": "abc"}})
        self.assertEqual(known["uri"], str(self.model))
        path = pathlib.Path(self.done("get", "wine:1", "-o", "path").strip())
        self.assertEqual((path / "MLmodel").read_text(), _MLMODEL)
        self.assertIn(known["digest"], self.done("export", "wine:1", self.top / "out.tar.gz"))
        self.done("delete", "wine:1")
        self.assertTrue(path.exists())  # the other one is the same
        self.done("delete", "a.much-longer_name:latest")
        self.assertFalse(path.exists())
        self.done("import", "wine:1", self.top / "out.tar.gz")
        self.assertEqual(json.loads(self.done("get", "wine:1"))["digest"], known["digest"])

    @parameterized.parameters(
        (("import", "a b", "model"), 2, "'a b' is no NAME or NAME:TAG"),
        (("import", "a", "gs://b"), 2, "scheme 'gs' is not supported"),
        (("import", "a", "http://127.0.0.1:1/a.zip"), 1, "Check the address"),
        (("get", "a"), 2, "has no model 'a:latest'"),
        (("get", "a", "-o", "xml"), 2, "'xml' is not one of 'json', 'path'"),
        (("delete", "a"), 2, "has no model 'a:latest'"),
        (("export", "a", "nowhere/else"), 2, "has no model 'a:latest'"),
    )
    def test_errors(self, arguments: tuple[str, ...], status: int, message: str) -> None:
        with mock.patch.dict("os.environ", {"no_proxy": "127.0.0.1"}):
            result = self.run_models(*arguments)
        self.assertEqual(result.exit_code, status, result.output)
        self.assertIn(message, " ".join(result.stderr.split()))

    def test_limits(self) -> None:
        self.done("import", "wine", self.model)
        self.done("export", "wine", self.top / "out.zip")
        result = self.run_models("import", "wine", self.top / "out.zip", "--max-bytes=10")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("more than 10 bytes; allow more with --max-bytes", " ".join(result.stderr.split()))


if __name__ == "__main__":
    absltest.main()
