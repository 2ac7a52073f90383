"""Model repositories that deployments write."""

from __future__ import annotations

from pathlib import Path

from absl.testing import absltest, parameterized
from mlflow.exceptions import MlflowException

from mlflow_backend_utils.deployments import repositories


class FolderTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = Path(self.create_tempdir().full_path)
        self.repository = repositories.FolderRepository(self.root)

    def _folder(self, text: str, meta: str = '{"flavor": "x"}') -> Path:
        folder = Path(self.create_tempdir().full_path)
        (folder / "1").mkdir()
        (folder / "1" / text).write_text(text, encoding="utf-8")
        (folder / repositories.META).write_text(meta, encoding="utf-8")
        return folder

    def _files(self) -> list[str]:
        return sorted(path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file())

    def test_put_and_remove(self) -> None:
        self.repository.put("m", self._folder("a"))
        self.assertEqual(self._files(), ["m/1/a", "m/mlflow-meta.json"])
        self.assertTrue(self.repository.exists("m"))
        self.assertEqual(self.repository.meta("m"), {"flavor": "x"})
        self.repository.put("m", self._folder("b"))
        self.assertEqual(self._files(), ["m/1/b", "m/mlflow-meta.json"])
        self.repository.remove("m")
        self.repository.remove("m")
        self.assertEmpty(list(self.root.iterdir()))

    def test_others_are_not_listed(self) -> None:
        (self.root / "foreign" / "1").mkdir(parents=True)
        self.repository.put("m", self._folder("a"))
        self.assertEqual(self.repository.deployed(), ["m"])
        self.assertIsNone(self.repository.meta("foreign"))

    def test_errors_leave_all_as_it_was(self) -> None:
        for before in ([], ["m/1/a", "m/mlflow-meta.json"]):
            if before:
                self.repository.put("m", self._folder("a"))
            with self.assertRaises(ZeroDivisionError), repositories.restored_on_error(self.repository, "m"):
                self.repository.put("m", self._folder("b"))
                raise ZeroDivisionError
            self.assertEqual(self._files(), before)

    def test_a_copy_that_fails_leaves_all_as_it_was(self) -> None:
        self.repository.put("m", self._folder("a"))
        with self.assertRaises(OSError):
            self.repository.put("m", self.root / "nothing")
        self.assertEqual(self._files(), ["m/1/a", "m/mlflow-meta.json"])
        self.assertEqual([child.name for child in self.root.iterdir()], ["m"])

    def test_broken_meta(self) -> None:
        self.repository.put("m", self._folder("a", meta="["))
        with self.assertRaisesRegex(MlflowException, "m/mlflow-meta.json is no JSON object; remove the file"):
            self.repository.meta("m")

    def test_no_folder(self) -> None:
        with self.assertRaisesRegex(
            MlflowException, "the model repository .*/nothing is no folder; make it, or correct"
        ):
            repositories.open_repository(str(self.root / "nothing"))


class BucketTest(parameterized.TestCase):
    @parameterized.parameters(
        ("s3://bucket", ("", "bucket", "")),
        ("s3://bucket/a/b/", ("", "bucket", "a/b/")),
        ("s3://host:9000/bucket", ("http://host:9000", "bucket", "")),
        ("s3://host:9000/bucket/a", ("http://host:9000", "bucket", "a/")),
        ("s3://https://host:9000/bucket/a", ("https://host:9000", "bucket", "a/")),
    )
    def test_places(self, place: str, parts: tuple[str, str, str]) -> None:
        self.assertEqual(repositories.parse_bucket(place), parts)

    @parameterized.parameters("s3://", "s3://host:9000", "s3://http://host:9000/")
    def test_no_bucket(self, place: str) -> None:
        with self.assertRaisesRegex(MlflowException, f"{place} names no bucket; write s3://BUCKET"):
            repositories.parse_bucket(place)


if __name__ == "__main__":
    absltest.main()
