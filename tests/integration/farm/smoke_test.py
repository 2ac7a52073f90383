"""The whole build on a remote-execution farm: all of it remote, the same bytes as at home, then all of it cached.

Environment: FARM: the files of @farm//:farm; MODEL: the outputs of //repo:my_model, built by the Bazel that runs this
test. Both are lists of paths below TEST_SRCDIR.
"""

import os
import pathlib

from absl.testing import absltest

from tests.integration.farm import farm
from tests.integration.nested_bazel import file_digests, nested_bazel
from tests.runfiles import runfiles

_TARGET = "//repo:my_model"
# The farm is one process, and a large one forks slowly: no more calls and actions at a time than it has use for.
_GENTLY = ("--jobs=2", "--remote_max_connections=1")


class FarmSmokeTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        files = {path.name: path for path in runfiles.paths("FARM")}
        if "reason" in files:
            self.skipTest(files["reason"].read_text())
        # The real place: the program finds its libraries beside itself.
        self._program = files["justbuild"].resolve()
        self._scratch = pathlib.Path(os.environ["TEST_TMPDIR"]).resolve()

    def test_build_is_remote_same_and_cached(self) -> None:
        workspace = nested_bazel.source_tree(os.environ["TEST_SRCDIR"])
        with (
            farm.running_farm(self._program, self._scratch / "farm") as running,
            nested_bazel.nested_bazel(workspace, self._scratch / "output_base") as bazel,
        ):
            flags = ["--config=remote", f"--remote_executor={running.executor}", *_GENTLY]

            first = bazel.build([_TARGET], flags)
            print(f"first build: {first}")
            self.assertGreater(first.get("remote", 0), 0)
            self.assertLessEqual(first.keys(), {"internal", "remote", "remote cache hit"})

            here = file_digests.file_digests(runfiles.paths("MODEL"))
            there = file_digests.file_digests(bazel.outputs(_TARGET, flags))
            self.assertIn("my_model/config.pbtxt", here)
            self.assertEqual(file_digests.differences(here, there), [])

            bazel.run("clean")
            second = bazel.build([_TARGET], flags)
            print(f"after clean: {second}")
            self.assertGreater(second.get("remote cache hit", 0), 0)
            self.assertLessEqual(second.keys(), {"internal", "remote cache hit"})
            # Each action of the first build is answered by the cache.
            self.assertEqual(second["remote cache hit"], first["remote"] + first.get("remote cache hit", 0))
        self.assertFalse(pathlib.Path(f"/proc/{running.pid}").exists())
        self.assertEqual(list(self._scratch.iterdir()), [])


if __name__ == "__main__":
    absltest.main()
