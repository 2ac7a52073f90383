"""What takes long is made once, whole or not at all."""

from __future__ import annotations

import concurrent.futures
import time
from pathlib import Path

from absl.testing import absltest

from mlflow_backend_utils.provision import cache


class CacheTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)
        self.made = 0

    def _file(self, path: Path) -> None:
        self.made += 1
        time.sleep(0.05)
        path.write_text("content")

    def test_made_once(self) -> None:
        target = self.folder / "deep" / "thing"
        for _ in range(3):
            self.assertEqual(cache.kept(target, self._file).read_text(), "content")
        self.assertEqual(self.made, 1)

    def test_made_once_by_many(self) -> None:
        target = self.folder / "thing"
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: cache.kept(target, self._file), range(8)))
        self.assertEqual(self.made, 1)

    def test_what_fails_is_not_kept(self) -> None:
        target = self.folder / "thing"

        def fail(path: Path) -> None:
            path.mkdir()
            (path / "half").write_text("x")
            raise ValueError("no")

        with self.assertRaisesRegex(ValueError, "no"):
            cache.kept(target, fail)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["thing.mutex"])
        # What a killed process has left is in nobody's way.
        (self.folder / "thing.partial").mkdir()
        self.assertEqual(cache.kept(target, self._file).read_text(), "content")

    def test_where(self) -> None:
        self.assertEqual(cache.folder({"HOME": "/h"}), Path("/h/.cache/mlflow-backend"))
        self.assertEqual(cache.folder({"HOME": "/h", "XDG_CACHE_HOME": "/c"}), Path("/c/mlflow-backend"))
        self.assertNotEqual(cache.key("a", "bc"), cache.key("ab", "c"))


if __name__ == "__main__":
    absltest.main()
