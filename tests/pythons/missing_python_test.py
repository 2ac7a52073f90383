"""Stands for a test whose Python this machine cannot have: skipped, with the reason."""

import os

from absl.testing import absltest


class MissingPythonTest(absltest.TestCase):
    def test_python(self) -> None:
        self.skipTest(os.environ["REASON"])


if __name__ == "__main__":
    absltest.main()
