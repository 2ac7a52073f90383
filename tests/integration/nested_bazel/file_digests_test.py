"""Tests of file_digests."""

import pathlib

from absl.testing import absltest

from tests.integration.nested_bazel import file_digests


class FileDigestsTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = pathlib.Path(self.create_tempdir().full_path)
        (self.root / "tree" / "sub").mkdir(parents=True)
        (self.root / "tree" / "sub" / "a").write_text("a")
        (self.root / "tree" / "run").write_text("")
        (self.root / "tree" / "run").chmod(0o755)
        (self.root / "file").symlink_to("tree/sub/a")

    def test_files_folders_and_links(self) -> None:
        digests = file_digests.file_digests([self.root / "tree", self.root / "file"])
        a = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
        empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        self.assertEqual(digests, {"file": a, "tree/run": f"{empty} (executable)", "tree/sub/a": a})

    def test_missing_output(self) -> None:
        with self.assertRaisesRegex(FileNotFoundError, "nothing is missing"):
            file_digests.file_digests([self.root / "nothing"])

    def test_differences(self) -> None:
        self.assertEqual(file_digests.differences({"a": "1"}, {"a": "1"}), [])
        self.assertEqual(
            file_digests.differences({"a": "1", "b": "2"}, {"b": "3", "c": "4"}),
            ["a: 1 / missing", "b: 2 / 3", "c: missing / 4"],
        )


if __name__ == "__main__":
    absltest.main()
