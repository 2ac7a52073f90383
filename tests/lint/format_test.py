"""Formatters and linters over the whole source tree: buildifier, ruff, clang-format, shellcheck."""

import os
import subprocess
from pathlib import Path

from absl.testing import absltest

from tests.lint import source_tree
from tests.runfiles import runfiles

_PACKAGES = runfiles.path("LINT_PACKAGES")


def _tool(*candidates: str) -> Path:
    for candidate in candidates:
        path = _PACKAGES / candidate
        if path.exists():
            return path
    raise FileNotFoundError(f"none of {candidates} in {_PACKAGES}")


class FormatTest(absltest.TestCase):
    def check(self, *command: str | Path) -> None:
        done = subprocess.run(
            [str(word) for word in command], cwd=source_tree.root(), capture_output=True, text=True, check=False
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_buildifier(self) -> None:
        buildifier = runfiles.path("BUILDIFIER")
        if buildifier.stat().st_size == 0:
            self.skipTest("buildifier comes from the npm registry, which cannot be reached: " + os.fspath(buildifier))
        files = list(source_tree.files(".bzl", names=frozenset({"BUILD", "WORKSPACE", "MODULE.bazel"})))
        self.assertNotEmpty(files)
        self.check(buildifier, "-mode=check", "-lint=warn", "-warnings=-unnamed-macro", *files)

    def test_ruff_check(self) -> None:
        self.check(_tool("bin/ruff"), "check", "--no-cache", "--exclude=bazel-*", ".")

    def test_ruff_format(self) -> None:
        self.check(_tool("bin/ruff"), "format", "--check", "--no-cache", "--exclude=bazel-*", ".")

    def test_clang_format(self) -> None:
        files = list(source_tree.files(".cc", ".h"))
        self.assertNotEmpty(files)
        self.check(_tool("clang_format/data/bin/clang-format", "bin/clang-format"), "--dry-run", "-Werror", *files)

    def test_shellcheck(self) -> None:
        files = list(source_tree.files(".sh", names=frozenset({"bazelw", "run"})))
        self.assertNotEmpty(files)
        self.check(_tool("bin/shellcheck"), *files)


if __name__ == "__main__":
    absltest.main()
