"""The command line: help, exit status, and one line for each wrong input."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from absl.testing import absltest, parameterized
from click.testing import CliRunner

from mlflow_backend_utils.cli import main
from mlflow_backend_utils.messages.errors import BuildError, InputError
from mlflow_backend_utils.provision import packing, versions, workspace

_MLMODEL = """\
flavors:
  python_function: {loader_module: mlflow.sklearn}
signature:
  inputs: '[{"type": "double", "name": "x", "required": true}]'
  outputs: '[{"type": "long", "name": "y", "required": true}]'
"""
_BAZELW = """\
#!/bin/sh
echo "$@" >> calls
case "$1" in
info) printf 'execution_root: %s/execroot\noutput_base: %s\n' "$PWD" "$PWD" ;;
cquery) echo out/stub ;;
build) exit ${FAKE_STATUS:-0} ;;
esac
"""


class MainTest(parameterized.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)
        self.model = self.folder / "model"
        self.model.mkdir()
        (self.model / "MLmodel").write_text(_MLMODEL)
        (self.folder / "x.lock").write_text("numpy==2.0\n")

    def run_main(self, *arguments: str) -> tuple[int, str, str]:
        """(status, standard output, standard error) of a command."""
        out, errors, status = io.StringIO(), io.StringIO(), 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            try:
                with mock.patch.object(sys, "argv", ["mlflow-backend-utils", *arguments]):
                    main.main()
            except SystemExit as end:
                status = int(end.code or 0)
        return status, out.getvalue(), errors.getvalue()

    @parameterized.parameters("build-config", "build-env", "build-stub")
    def test_help_names_every_flag(self, command: str) -> None:
        result = CliRunner().invoke(main.cli, [command, "--help"])
        self.assertEqual(result.exit_code, 0)
        for option in main.cli.commands[command].params:
            self.assertIn(option.opts[0], result.output)
            self.assertTrue(getattr(option, "help", ""), option.name)
        self.assertIn(command, CliRunner().invoke(main.cli, ["--help"]).output)

    def test_build_config(self) -> None:
        status, out, errors = self.run_main(
            "build-config",
            f"--model-path={self.model}",
            "--conda-pack-path=env/pack.tar.gz",
            "--default-max-batch-size=8",
        )
        self.assertEqual((status, errors), (0, ""))
        self.assertIn("max_batch_size: 8", out)
        self.assertIn('"$$TRITON_MODEL_DIRECTORY/env/pack.tar.gz"', out)
        path = self.folder / "config.pbtxt"
        self.run_main("build-config", f"--model-path={self.model}", f"--output-path={path}")
        self.assertIn("max_batch_size: 64", path.read_text())

    def test_build_config_imports_little(self) -> None:
        """It is one of many commands of a script: a tenth of a second, as long as it imports nothing large."""
        program = (
            f"import sys; sys.path[:] = {sys.path!r}\n"
            "from mlflow_backend_utils.cli import main\n"
            f"sys.argv[1:] = ['build-config', '--model-path={self.model}']\n"
            "main.main()\n"
            "print(*sys.modules, file=sys.stderr)"
        )
        done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
        self.assertIn('backend: "mlflow"', done.stdout)
        imported = set(done.stderr.split())
        self.assertIn("google.protobuf.text_format", imported)
        large = {"grpc", "mlflow", "mlflow_backend_utils.env", "numpy", "pandas", "rich", "tritonclient.grpc"}
        self.assertEmpty(imported & large)

    @parameterized.parameters(
        ("pack.tar.gz", "$$TRITON_MODEL_DIRECTORY/pack.tar.gz"),
        ("./pack.tar.gz", "$$TRITON_MODEL_DIRECTORY/pack.tar.gz"),
        ("/srv/pack.tar.gz", "/srv/pack.tar.gz"),
        ("$$TRITON_MODEL_DIRECTORY/x", "$$TRITON_MODEL_DIRECTORY/x"),
        ("", ""),
    )
    def test_environment_path(self, given: str, written: str) -> None:
        self.assertEqual(main.environment_path(given), written)

    @parameterized.parameters(
        (["build-config"], "Missing option '--model-path'"),
        (["build-config", "--model-path=nowhere"], "Directory 'nowhere' does not exist"),
        (["build-config", "--model-path={folder}"], "no MLmodel file"),
        (["build-config", "--model-path={folder}/model", "--default-max-batch-size=-1"], "-1 is not in the range x>=0"),
        (["build-env", "--python-version=3.8"], "Missing option"),
        (
            ["build-env", "--python-version=3.8", "--requirements={folder}/x.lock", "--output-path=x"],
            "Python version '3.8' is not supported; choose one of 3.9, 3.10, 3.11, 3.12, 3.13, 3.14",
        ),
        (
            ["build-env", "--python-version=3.11", "--requirements={folder}/x.lock", "--output-path=x"],
            "x.lock:1: 'numpy==2.0' has no --hash=sha256:…",
        ),
        (
            ["build-stub", "--python-version=3.11", "--triton-version=r22.01", "--output-path=x"],
            "Triton version 'r22.01' is not supported; choose one of r23.10, r23.11",
        ),
        (
            ["build-stub", "--python-version=2.7", "--triton-version=r24.10", "--output-path=x"],
            "Python version '2.7' is not supported; choose one of",
        ),
        (["no-such-command"], "No such command 'no-such-command'"),
        (["build-env", "--no-such-flag"], "No such option"),
    )
    def test_wrong_input_is_one_line_and_status_2(self, arguments: list[str], words: str) -> None:
        status, out, errors = self.run_main(*(argument.format(folder=self.folder) for argument in arguments))
        self.assertEqual((status, out), (2, ""))
        self.assertStartsWith(errors, "mlflow-backend-utils: ")
        self.assertIn(words, errors)
        self.assertEqual(errors.count("\n"), 1)

    def test_triton_version(self) -> None:
        self.assertEqual(versions.triton_version("r24.10"), "24.10")
        self.assertEqual(versions.triton_version("24.10"), "24.10")

    def test_no_interpreter_lists_what_was_looked_at(self) -> None:
        variable = "MLFLOW_BACKEND_PYTHON_3_11"
        with (
            mock.patch.dict(os.environ, {variable: "/nowhere"}),
            self.assertRaisesRegex(InputError, rf"no CPython 3.11 to copy .*{variable}.*/nowhere \(\${variable}\)"),
        ):
            packing.find_interpreter("3.11")

    def checkout(self) -> Path:
        folder = self.folder / "checkout"
        (folder / "stub").mkdir(parents=True)
        (folder / "deep" / "inside").mkdir(parents=True)
        (folder / "execroot" / "out").mkdir(parents=True)
        (folder / "execroot" / "out" / "stub").write_bytes(b"\x7fELF")
        (folder / "bazelw").write_text(_BAZELW)
        (folder / "bazelw").chmod(0o755)
        return folder

    def test_find_workspace(self) -> None:
        folder = self.checkout()
        found = [
            workspace.find_workspace(folder, {}, Path("/")),
            workspace.find_workspace(None, {"BUILD_WORKSPACE_DIRECTORY": str(folder)}, Path("/")),
            workspace.find_workspace(None, {}, folder / "deep" / "inside"),
        ]
        self.assertEqual(found, [folder] * 3)
        with self.assertRaisesRegex(InputError, "no checkout of this project .*--workspace"):
            workspace.find_workspace(None, {}, self.folder / "model")

    def test_build_stub_builds_the_target_and_copies_it(self) -> None:
        folder, target = self.checkout(), self.folder / "triton_stub"
        status, _, errors = self.run_main(
            "build-stub",
            "--python-version=3.12",
            "--triton-version=r24.11",
            f"--output-path={target}",
            f"--workspace={folder}",
        )
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(target.read_bytes(), b"\x7fELF")
        self.assertEqual(target.stat().st_mode & 0o777, 0o755)
        self.assertStartsWith(
            (folder / "calls").read_text(),
            "build --//config:python_version=3.12 --//config:triton_version=24.11 //stub:triton_python_backend_stub\n",
        )

    def test_failed_build(self) -> None:
        self.enter_context(mock.patch.dict(os.environ, {"FAKE_STATUS": "3"}))
        with self.assertRaisesRegex(BuildError, "bazelw build .* failed with status 3"):
            workspace.build_stub(self.checkout(), "3.11", "24.10", self.folder / "x")
        self.assertEqual(BuildError.exit_code, 1)


if __name__ == "__main__":
    absltest.main()
