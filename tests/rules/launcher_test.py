"""Programs start apart from the caller's Python; a hash seed alone reaches them."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

from absl.testing import absltest

from tests.runfiles import runfiles

_HOSTILE = {"PYTHONPATH": "/hostile", "PYTHONUSERBASE": "/hostile", "PYTHONHOME": "/hostile", "PYTHONINSPECT": "1"}


class LauncherTest(absltest.TestCase):
    def _start(self, **environ: str) -> Any:
        program = runfiles.path("PROGRAM")
        done = subprocess.run(
            [program],
            env={"PATH": os.environ["PATH"], "RUNFILES_DIR": os.environ["RUNFILES_DIR"], **_HOSTILE, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    def test_apart(self) -> None:
        plain, seeded = self._start(), self._start(PYTHONHASHSEED="0")
        for told in (plain, seeded):
            self.assertEmpty([path for path in told["path"] if "hostile" in path or path.endswith("/rules")])
            self.assertFalse(told["user_site"])
        self.assertEqual(plain["path"], seeded["path"])
        self.assertEqual(seeded["environ"], ["PYTHONHASHSEED"])

    def test_seed(self) -> None:
        self.assertLen({self._start(PYTHONHASHSEED="7")["hash"] for _ in range(3)}, 1)
        self.assertNotEqual(self._start(PYTHONHASHSEED="7")["hash"], self._start(PYTHONHASHSEED="8")["hash"])


if __name__ == "__main__":
    absltest.main()
