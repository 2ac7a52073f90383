"""Spec 8.1, lines 1 to 7: how a stub starts, what it tells the model, and models that cannot be loaded."""

import json
import os
import stat
import subprocess
import time
from pathlib import Path

from absl.testing import absltest, parameterized

from tests.conformance import harness, processes, repository
from tests.conformance.repository import Model

_NO_CLASS = "import triton_python_backend_utils\n"
_NO_EXECUTE = "class TritonPythonModel:\n    pass\n"
_IMPORT_ERROR = "import no_such_module\n"
_SYNTAX_ERROR = "class TritonPythonModel:\n    def execute(self, requests:\n"
_INITIALIZE = """
class TritonPythonModel:
    def initialize(self, args):
        raise RuntimeError("initialize boom")
    def execute(self, requests):
        return []
"""
_INIT = """
class TritonPythonModel:
    def __init__(self):
        raise RuntimeError("init boom")
    def execute(self, requests):
        return []
"""
_EXIT = """
class TritonPythonModel:
    def initialize(self, args):
        raise SystemExit(3)
    def execute(self, requests):
        return []
"""


class CommandLineTest(absltest.TestCase):
    def test_line_1_without_arguments(self) -> None:
        """The server runs the stub so before each launch, and takes its right to read away if the status is not 1."""
        stub = repository.install_stub(harness.stub(), Path(self.create_tempdir().full_path))
        # As the server does it: without the execution environment. The shipped stub needs its libpython even here.
        libraries = [f"{harness.environment()}/lib", str(harness.stub_libraries())] if harness.stub_libraries() else []
        environ = {"LD_LIBRARY_PATH": ":".join(libraries)}
        seconds = []
        for count in (0, 0, 0, 0, 0, 1, 7):
            start = time.monotonic()
            done = subprocess.run([stub, *["word"] * count], env=environ, capture_output=True, check=False, timeout=10)
            seconds.append(time.monotonic() - start)
            self.assertEqual(done.returncode, 1, done.stderr)
        self.assertLess(min(seconds), 0.05)


class LaunchTest(harness.ServerTest):
    MODELS = [Model("inspect")]

    def _facts(self, name: str) -> dict[str, object]:
        return dict(self.ask(name))

    def test_line_1_mode_of_the_file_stays(self) -> None:
        stub = self.repository / "inspect" / repository.STUB
        self.assertEqual(stat.S_IMODE(stub.stat().st_mode), 0o755)

    def test_line_2_stub_in_the_model_directory_is_used(self) -> None:
        # The backend directory holds a placeholder that only ends.
        self.assertEqual(self._facts("inspect")["executable"], str(self.repository / "inspect" / repository.STUB))

    def test_line_3_no_model_file(self) -> None:
        self.skip_if_shipped("missing_model_file")
        start = time.monotonic()
        message = self.load_error(Model(name="no_file"))
        self.assertLess(time.monotonic() - start, 5)
        self.assertIn("no_file/1/model.py", message)

    def test_line_4_other_file_name(self) -> None:
        model = Model("inspect", "renamed", config='default_model_filename: "other_name.py"\n')
        folder = self.add(model)
        (folder / "1" / "model.py").rename(folder / "1" / "other_name.py")
        self.load("renamed")
        self.addCleanup(self.unload, "renamed")
        self.assertEqual(self._facts("renamed")["name"], "1.other_name")

    def test_line_4_no_python_file(self) -> None:
        model = Model("inspect", "wrong_name", config='default_model_filename: "model.txt"\n')
        self.add(model)
        with self.assertRaises(harness.InferenceServerException) as caught:
            (self.repository / "wrong_name" / "1" / "model.py").rename(
                self.repository / "wrong_name" / "1" / "model.txt"
            )
            self.load("wrong_name")
        self.assertIn("Model name must end with '.py'. Model name is \"model.txt\".", caught.exception.message())

    @parameterized.named_parameters(
        ("no_class", _NO_CLASS, "TritonPythonModel"),
        ("import_error", _IMPORT_ERROR, "ModuleNotFoundError: No module named 'no_such_module'"),
        ("syntax_error", _SYNTAX_ERROR, "SyntaxError: "),
        ("initialize_raises", _INITIALIZE, "RuntimeError: initialize boom"),
        ("init_raises", _INIT, "RuntimeError: init boom"),
        ("exit", _EXIT, "SystemExit: 3"),
    )
    def test_lines_5_and_6_broken(self, source: str, text: str) -> None:
        """The load fails with the reason, the stub ends by itself, and after the repair the model loads."""
        before = processes.stub_pids(self.server)
        message = self.load_error(Model(name="broken", source=source))
        self.assertIn(text, message)
        if "raises" in self.id() or "import" in self.id():
            self.assertRegex(message, r"At:\n  \S+model\.py\(\d+\): ")
        harness.wait_for(lambda: processes.stub_pids(self.server) == before, "the end of the stub")
        repository.write_source(self.repository / "broken" / "1" / "model.py", Model("inspect"))
        self.load("broken")
        self.assertEqual(self._facts("broken")["name"], "1.model")
        self.unload("broken")

    def test_line_5_no_execute(self) -> None:
        """Known only when the first request comes."""
        self.serve(Model(name="no_execute", source=_NO_EXECUTE))
        message = self.infer_error("no_execute").message()
        path = self.repository / "no_execute" / "1" / "model.py"
        self.assertIn(f"Python model {path} does not implement `execute` method.", message)

    def test_line_7_arguments(self) -> None:
        facts = self._facts("inspect")
        arguments = facts["args"]
        assert isinstance(arguments, dict)
        config = json.loads(arguments.pop("model_config"))
        self.assertEqual((config["name"], config["input"][0]["name"]), ("inspect", "IN"))
        folder = str(self.repository / "inspect")
        self.assertEqual(
            arguments,
            {
                "model_instance_kind": "CPU",
                "model_instance_name": "inspect_0_0",
                "model_instance_device_id": "0",
                "model_repository": folder,
                "model_version": "1",
                "model_name": "inspect",
            },
        )
        self.assertEqual(facts["model_dir"], f"{folder}/1")

    def test_line_7_module(self) -> None:
        facts = self._facts("inspect")
        folder = str(self.repository / "inspect")
        self.assertEqual(facts["name"], "1.model")
        self.assertEqual(facts["file"], f"{folder}/1/model.py")
        self.assertEqual(facts["argv"], [""])
        self.assertEqual(facts["directory"], os.getcwd())
        path = facts["path"]
        assert isinstance(path, list)
        self.assertEqual(path[0], "")
        self.assertEqual(path[-3:-1], [f"{folder}/1", folder])
        self.assertEndsWith(path[-1], "/backends/python")

    def test_line_7_api(self) -> None:
        facts = self._facts("inspect")
        self.assertEqual(facts["missing_api"], [])
        self.assertEqual(facts["error_module"], "c_python_backend_utils")

    def test_line_10_environment_is_used(self) -> None:
        facts = self._facts("inspect")
        self.assertTrue(harness.same_environment(str(facts["prefix"]), harness.environment()), facts["prefix"])
        # The part in front, of the environment itself, is taken away again.
        self.assertNotIn(str(harness.environment()), str(facts["library_path"]))


if __name__ == "__main__":
    absltest.main()
