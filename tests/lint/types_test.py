"""mypy, strict, over the packages that users import."""

import os
import subprocess
import sys

from absl.testing import absltest

from tests.lint import source_tree
from tests.runfiles import runfiles


class TypesTest(absltest.TestCase):
    def test_mypy(self) -> None:
        linters, packages = runfiles.path("LINT_PACKAGES"), runfiles.path("TYPED_PACKAGES")
        top = source_tree.root()
        start = (
            "import sys; sys.path[0:0] = [sys.argv.pop(1)]; from mypy.__main__ import console_entry; console_entry()"
        )
        done = subprocess.run(
            [
                sys.executable,
                "-I",
                "-c",
                start,
                os.fspath(linters),
                "--config-file=pyproject.toml",
                "--no-site-packages",
                f"--cache-dir={os.environ['TEST_TMPDIR']}/mypy",
                "tools/mlflow_backend_utils",
                "backend/mlflow_backend",
            ],
            cwd=top,
            env={"MYPYPATH": f"{top}/tools:{top}/backend:{packages}"},
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    absltest.main()
