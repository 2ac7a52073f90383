"""Versions of servers and releases."""

from absl.testing import absltest, parameterized

from mlflow_backend_utils.server import releases


class ReleasesTest(parameterized.TestCase):
    @parameterized.parameters(
        ("2.39.0", "23.10"),
        ("2.41.0", "23.12"),
        ("2.42.0", "24.01"),
        ("2.51.0", "24.10"),
        ("2.59.0", "25.06"),
        ("2.59.1", "25.07"),
        ("2.60.0", "25.08"),
        ("2.64.0", "25.12"),
        ("2.71.0", "26.07"),
        ("2.51.0dev", "24.10"),
    )
    def test_release(self, version: str, release: str) -> None:
        self.assertEqual(releases.release_of(version), release)

    @parameterized.parameters("2.38.0", "1.0.0", "24.10", "")
    def test_unknown(self, version: str) -> None:
        with self.assertRaisesRegex(ValueError, "no version of a Triton server of release 23.10"):
            releases.release_of(version)


if __name__ == "__main__":
    absltest.main()
