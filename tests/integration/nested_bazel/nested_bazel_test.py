"""Tests of what nested_bazel does without a Bazel."""

import json
import os
import pathlib
import stat

from absl.testing import absltest

from tests.integration.nested_bazel import nested_bazel


class NestedBazelTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = pathlib.Path(self.create_tempdir().full_path)

    def test_runner_counts(self) -> None:
        events = self.root / "events"
        counts = [{"name": "total", "count": 3}, {"name": "internal", "count": 1}, {"name": "remote", "count": 2}]
        metrics = {"id": {"buildMetrics": {}}, "buildMetrics": {"actionSummary": {"runnerCount": counts}}}
        events.write_text(json.dumps({"id": {"started": {}}}) + "\n" + json.dumps(metrics) + "\n")
        self.assertEqual(nested_bazel.runner_counts(events), {"internal": 1, "remote": 2})

    def test_no_metrics(self) -> None:
        events = self.root / "events"
        events.write_text("{}\n")
        with self.assertRaisesRegex(ValueError, "holds no build metrics"):
            nested_bazel.runner_counts(events)

    def test_caller_environment(self) -> None:
        kept = nested_bazel.caller_environment(
            {"TEST_TMPDIR": "/t", "RUNFILES_DIR": "/r", "PATH": ".:/bin", "PIP_CERT": "/c", "HOME": "/home/u"}
        )
        self.assertEqual(kept, {"PATH": "/bin", "PIP_CERT": "/c", "HOME": "/home/u"})

    def test_home_is_filled_in(self) -> None:
        self.assertTrue(nested_bazel.caller_environment({})["HOME"])

    def test_source_tree_needs_the_module_file(self) -> None:
        with self.assertRaisesRegex(FileNotFoundError, "add //:MODULE.bazel"):
            nested_bazel.source_tree(str(self.root))

    def test_source_tree_is_where_the_link_leads(self) -> None:
        (self.root / "tree").mkdir()
        (self.root / "tree" / "MODULE.bazel").touch()
        (self.root / "runfiles" / "_main").mkdir(parents=True)
        (self.root / "runfiles" / "_main" / "MODULE.bazel").symlink_to(self.root / "tree" / "MODULE.bazel")
        found = nested_bazel.source_tree(str(self.root / "runfiles"))
        self.assertEqual(found, (self.root / "tree").resolve())

    def test_remove_tree_with_read_only_folders(self) -> None:
        folder = self.root / "a" / "b"
        folder.mkdir(parents=True)
        (folder / "file").touch()
        os.chmod(folder, stat.S_IRUSR | stat.S_IXUSR)
        nested_bazel.remove_tree(self.root / "a")
        self.assertFalse((self.root / "a").exists())


if __name__ == "__main__":
    absltest.main()
