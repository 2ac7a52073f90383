"""Deadlines and retries."""

from __future__ import annotations

from typing import Any

from absl.testing import absltest, parameterized

from mlflow_backend.client import InputError, Options


class OptionsTest(parameterized.TestCase):
    def test_pauses_double(self) -> None:
        self.assertEqual(Options(retries=3, backoff=0.5).pauses(), [0.5, 1.0, 2.0])
        self.assertEqual(Options(retries=3, backoff=4).pauses(), [4, 5.0, 5.0])
        self.assertEqual(Options(retries=2, backoff=60).pauses(), [60, 60])
        self.assertEmpty(Options(retries=0).pauses())

    @parameterized.parameters(
        ({"deadline": 0}, "deadline is 0; it must be above 0 seconds, or None."),
        ({"deadline": float("nan")}, "deadline is nan"),
        ({"retries": -1}, "retries is -1; it must be 0 or more."),
        ({"backoff": -0.1}, "backoff is -0.1; it must be 0 or more."),
    )
    def test_out_of_range(self, options: dict[str, Any], text: str) -> None:
        with self.assertRaisesRegex(InputError, text):
            Options(**options)


if __name__ == "__main__":
    absltest.main()
