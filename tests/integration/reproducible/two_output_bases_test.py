"""The same sources built in another output base give the same bytes.

Environment: OUTPUTS: the outputs, built by the Bazel that runs this test, as paths below TEST_SRCDIR; TARGETS: the
labels they come from.
"""

import os
import pathlib

from absl.testing import absltest

from tests.integration.nested_bazel import file_digests, nested_bazel
from tests.runfiles import runfiles


class TwoOutputBasesTest(absltest.TestCase):
    def test_same_bytes(self) -> None:
        targets = os.environ["TARGETS"].split()
        scratch = pathlib.Path(os.environ["TEST_TMPDIR"]).resolve()
        here = file_digests.file_digests(runfiles.paths("OUTPUTS"))
        workspace = nested_bazel.source_tree(os.environ["TEST_SRCDIR"])
        # A longer path than any other, so that one written into an output would show in its length too.
        base = scratch / "a_second_output_base_with_a_rather_long_name"
        with nested_bazel.nested_bazel(workspace, base) as bazel:
            counts = bazel.build(targets)
            print(f"second build: {counts}")
            # Built anew, not taken from somewhere.
            self.assertLessEqual(counts.keys(), {"internal", "linux-sandbox", "processwrapper-sandbox", "local"})
            there = file_digests.file_digests(bazel.outputs(" + ".join(targets)))
        self.assertEqual(file_digests.differences(here, there), [])
        print(f"{len(here)} files are the same")


if __name__ == "__main__":
    absltest.main()
