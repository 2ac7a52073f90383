"""`bazelw` on a bare Debian 12, as an ordinary user, with no environment but HOME and PATH.

Environment, for trying more by hand:
  FRESH_MACHINE_COMMAND  a shell command to run there after the test's own, e.g. `./bazelw build //repo:my_model`
  FRESH_MACHINE_BIND     folders of this machine to be seen there too, separated by ":"
"""

import os
import pathlib
import time

from absl.testing import absltest

from tests.integration.bazelw import fresh_machine
from tests.integration.nested_bazel import nested_bazel


class FreshMachineTest(absltest.TestCase):
    def test_bazelw(self) -> None:
        workspace = nested_bazel.source_tree(os.environ["TEST_SRCDIR"])
        scratch = pathlib.Path(os.environ["TEST_TMPDIR"]).resolve() / "machine"
        scratch.mkdir()
        binds = list(filter(None, os.environ.get("FRESH_MACHINE_BIND", "").split(":")))
        try:
            with fresh_machine.fresh_machine(workspace, scratch, binds) as machine:
                self._check(machine)
        except fresh_machine.Unsupported as error:
            self.skipTest(str(error))

    def _check(self, machine: fresh_machine.FreshMachine) -> None:
        bare = machine.run("! command -v python3 curl wget java gcc g++ bazel", 10)
        self.assertEqual(bare.returncode, 0, f"not bare: {bare.stdout}{bare.stderr}")
        stamp = machine.root.parent / "stamp"
        stamp.touch()

        for limit in (300.0, 2.0):
            began = time.monotonic()
            done = machine.run("./bazelw --version", limit + 60)
            took = time.monotonic() - began
            print(f"{done.stderr}{done.stdout}{took:.1f} s")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, r"^bazel \d+\.\d+")
            self.assertLess(took, limit)
        self.assertEqual(done.stderr, "", "the second call has something to say")
        self.assertEqual(machine.changed_outside_home(stamp), [])

        if command := os.environ.get("FRESH_MACHINE_COMMAND"):
            began = time.monotonic()
            done = machine.run(command, 7200)
            print(f"{done.stdout}{done.stderr}{time.monotonic() - began:.1f} s")
            self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    absltest.main()
