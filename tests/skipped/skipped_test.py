"""Stands for a test that this machine cannot run: skipped, with the reason."""

import os

from absl.testing import absltest


class SkippedTest(absltest.TestCase):
    def test_needs(self) -> None:
        self.skipTest(os.environ["REASON"])


if __name__ == "__main__":
    absltest.main()
