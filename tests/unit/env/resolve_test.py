"""What of pip's configuration reaches uv."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

from absl.testing import absltest

from mlflow_backend_utils.env import resolve


class ResolveTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        resolve._pip_settings.cache_clear()
        self.addCleanup(resolve._pip_settings.cache_clear)
        self.folder = Path(self.create_tempdir().full_path)
        self.enter_context(mock.patch.dict(os.environ, {"PATH": f"{self.folder}:{os.environ['PATH']}"}))

    def _pip_prints(self, *lines: str) -> None:
        """Stands in for the machine's pip."""
        python = self.folder / "python3"
        listed = "".join(f"{line}\n" for line in lines)
        python.write_text(f'#!/bin/sh\necho "$*" >> "{self.folder}/asked"\ncat << "END"\n{listed}END\n')
        python.chmod(0o755)

    def test_options(self) -> None:
        self._pip_prints(
            ":env:.find-links='/a /b'",
            "global.find-links='/c'",
            'global.index-url="https://it\'s.example/simple"',
            "global.extra-index-url='https://more.example'",
            "warning: no setting",
        )
        options = ["--default-index", "https://it's.example/simple", "--find-links", "/a", "--find-links", "/b"]
        self.assertEqual(resolve.pip_options(), options)
        # Asked once, for all.
        self.assertEqual((self.folder / "asked").read_text().splitlines(), ["-m pip config list"])

    def test_an_empty_one_of_the_environment_wins(self) -> None:
        self._pip_prints(":env:.find-links=''", "global.find-links='\\n/c'")
        self.assertEqual(resolve.pip_options(), [])

    def test_several_lines_in_a_file(self) -> None:
        self._pip_prints("global.find-links='\\n/a\\n/b'")
        self.assertEqual(resolve.pip_options(), ["--find-links", "/a", "--find-links", "/b"])

    def test_certificates(self) -> None:
        self._pip_prints("global.cert='/of/pip.pem'")
        with mock.patch.dict(os.environ):
            os.environ.pop("SSL_CERT_FILE", None)
            self.assertEqual(resolve._environment()["SSL_CERT_FILE"], "/of/pip.pem")
            os.environ["SSL_CERT_FILE"] = "/of/the/user.pem"
            self.assertEqual(resolve._environment()["SSL_CERT_FILE"], "/of/the/user.pem")

    def test_no_pip(self) -> None:
        (self.folder / "python3").symlink_to("/bin/false")
        self.assertEqual(resolve.pip_options(), [])

    def test_no_uv(self) -> None:
        with mock.patch.dict(os.environ, {"PATH": "/nowhere"}):
            os.environ.pop("UV", None)
            with self.assertRaisesRegex(resolve.ResolveError, "no uv in PATH"):
                resolve.find_uv()


if __name__ == "__main__":
    absltest.main()
