"""The script that fetches models for builds: digests, the cache, and that it needs the standard library only."""

import pathlib
import subprocess
import sys

from absl.testing import absltest, parameterized

from mlflow_backend_utils.store import archive, digest
from tests.runfiles import runfiles
from tests.unit.store import models, web

_SCRIPT = runfiles.path("FETCH")


class BuildFetchTest(parameterized.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.top = pathlib.Path(self.create_tempdir().full_path)
        self.model = models.write(self.top / "model")
        self.digest = digest.tree_digest(self.model)

    def fetch(self, uri: object, sha256: str = "", out: str = "out") -> tuple[int, str]:
        """(status, what it says)."""
        done = subprocess.run(
            # Without site-packages.
            [sys.executable, "-I", "-S", "-B", _SCRIPT, "--name=wine", f"--uri={uri}", f"--sha256={sha256}"]
            + [f"--out={self.top / out}"],
            env={
                "HOME": str(self.top),
                "XDG_DATA_HOME": str(self.top / "data"),
                "MLFLOW_TRACKING_URI": "http://127.0.0.1:1",
            },
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr

    def test_a_pinned_model(self) -> None:
        self.assertEqual(self.fetch(self.model, self.digest), (0, ""))
        self.assertEqual(models.content(self.top / "out"), models.content(self.model))
        self.assertFalse((self.top / "data").exists())  # the user's own store
        (self.model / "MLmodel").unlink()
        self.assertEqual(self.fetch(self.model, self.digest, "again"), (0, ""))  # from the cache
        self.assertEqual(digest.tree_digest(self.top / "again"), self.digest)

    def test_a_damaged_cache_is_fetched_anew(self) -> None:
        self.fetch(self.model, self.digest)
        for blob in (self.top / ".cache/mlflow-backend/models/blobs").rglob("*"):
            if blob.is_file():
                blob.unlink()
        self.assertEqual(self.fetch(self.model, self.digest, "again"), (0, ""))
        self.assertEqual(digest.tree_digest(self.top / "again"), self.digest)

    def test_over_http(self) -> None:
        archive.write(self.model, sorted(models.content(self.model)), self.top / "a.tar.gz")
        body = (self.top / "a.tar.gz").read_bytes()
        with web.serving(lambda path, headers: (200, {}, body)) as url:
            self.assertEqual(self.fetch(f"{url}/a.tar.gz", self.digest), (0, ""))
        self.assertEqual(digest.tree_digest(self.top / "out"), self.digest)

    def test_no_digest(self) -> None:
        status, said = self.fetch(self.model)
        self.assertEqual(status, 1)
        self.assertIn(f'pinned by\n\n    sha256 = "{self.digest}",\n', said)
        self.assertFalse((self.top / "out").exists())

    def test_another_digest(self) -> None:
        status, said = self.fetch(self.model, "0" * 64)
        self.assertEqual(status, 1)
        self.assertIn(f"wanted sha256 {'0' * 64}\n  found  sha256 {self.digest}\nThe model was changed since", said)
        self.assertFalse((self.top / "out").exists())

    @parameterized.parameters(
        ("nowhere", "0" * 64, "nowhere: no such folder or archive"),
        ("model", "abc", "'abc' is no sha256: give 64 lower-case hexadecimal digits"),
        ("s3://a/b", "0" * 64, "need the package boto3 .* MLFLOW_BACKEND_MODELS_PYTHON names another"),
        ("models:/a/1", "0" * 64, "need MLflow .* MLFLOW_BACKEND_MODELS_PYTHON names another"),
    )
    def test_errors(self, uri: str, sha256: str, message: str) -> None:
        status, said = self.fetch(uri, sha256)
        self.assertEqual(status, 1)
        self.assertRegex(said, f"^fetch: .*{message}")
        self.assertNotIn("Traceback", said)


if __name__ == "__main__":
    absltest.main()
