"""README.md shows the table of tested versions as it is, and the table holds every pair of versions."""

from absl.testing import absltest

from tests.matrix import versions
from tests.runfiles import runfiles


class ReadmeTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.table = versions.read(runfiles.path("TABLE"), runfiles.path("LOCK").parent)

    def test_readme(self) -> None:
        readme = runfiles.path("README").read_text(encoding="utf-8")
        self.assertEqual(readme, versions.updated(readme, self.table), "stale: ./bazelw run //tests/matrix:update")

    def test_every_two_values_meet(self) -> None:
        self.assertEmpty(versions.missing_pairs(self.table), "add a cell to tests/matrix/cells.bzl, or say why not")

    def test_no_cell_is_impossible(self) -> None:
        for cell in self.table.cells:
            for item in self.table.impossible:
                self.assertFalse(item.values.items() <= cell.values.items(), f"{cell}: {item.reason}")


if __name__ == "__main__":
    absltest.main()
