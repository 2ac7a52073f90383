"""Tests of how the farm is started and stopped, with a program in its place."""

import pathlib
import sys
import textwrap

from absl.testing import absltest

from tests.integration.farm import farm


class FarmTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = pathlib.Path(self.create_tempdir().full_path)

    def _program(self, body: str) -> pathlib.Path:
        path = self.root / "program"
        path.write_text(f"#!{sys.executable}\nimport os, pathlib, sys, time\n" + textwrap.dedent(body))
        path.chmod(0o755)
        return path

    def test_starts_and_leaves_nothing(self) -> None:
        program = self._program(
            """
            info = next(a.partition("=")[2] for a in sys.argv if a.startswith("--info-file="))
            assert sys.argv[1:4] == ["execute", "--compatible", "--interface=127.0.0.1"], sys.argv
            pathlib.Path(info).write_text('{"port": 4711}')
            time.sleep(60)
            """
        )
        with farm.running_farm(program, self.root / "farm") as running:
            self.assertEqual(running.executor, "grpc://127.0.0.1:4711")
            self.assertTrue(pathlib.Path(f"/proc/{running.pid}").exists())
        self.assertFalse(pathlib.Path(f"/proc/{running.pid}").exists())
        self.assertFalse((self.root / "farm").exists())

    def test_early_end_shows_the_log(self) -> None:
        program = self._program("sys.exit('no such option')")
        with self.assertRaisesRegex(farm.FarmFailed, "no such option"), farm.running_farm(program, self.root / "farm"):
            self.fail("it started")
        self.assertFalse((self.root / "farm").exists())


if __name__ == "__main__":
    absltest.main()
