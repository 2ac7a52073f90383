"""Models by URI without MLflow and boto3: paths, archives, HTTP; what is refused, and with which words."""

import base64
import json
import pathlib
import sys
from unittest import mock

from absl.testing import absltest, parameterized

from mlflow_backend_utils.store import archive, digest, fetch, http, metadata, uri
from mlflow_backend_utils.store.errors import (
    ArchiveError,
    FetchError,
    LimitError,
    MissingPackageError,
    NotAModelError,
    NotFoundError,
    UriError,
)
from mlflow_backend_utils.store.limits import Budget
from mlflow_backend_utils.store.progress import Silent
from tests.unit.store import models, web

_PROXY = "/api/2.0/mlflow-artifacts/artifacts"


class FetchTest(parameterized.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.top = pathlib.Path(self.create_tempdir().full_path)
        self.model = models.write(self.top / "model", code__a="1")
        self.digest = digest.tree_digest(self.model)
        self.scratches = 0

    def fetched(self, given: object, environ: dict[str, str] | None = None, budget: Budget | None = None) -> str:
        """Digest of what `given` gives."""
        self.scratches += 1
        scratch = self.top / f"scratch-{self.scratches}"
        scratch.mkdir()
        found = fetch.fetch(str(given), scratch, environ or {}, budget)
        self.assertEqual(found.ours, str(scratch) in found.folder)
        return digest.tree_digest(found.folder)

    def packed(self, name: str, folder: pathlib.Path | None = None) -> bytes:
        source = folder or self.model
        archive.write(source, sorted(models.content(source)), self.top / name)
        return (self.top / name).read_bytes()

    def test_local(self) -> None:
        self.packed("a.tar.gz")
        self.packed("a.zip")
        (self.top / "around").mkdir()
        self.model.rename(self.top / "around" / "my model")
        self.packed("around.zip", self.top / "around")
        folder = self.top / "around" / "my model"
        for given in (folder, folder.as_uri(), *(self.top / name for name in ("a.tar.gz", "a.zip", "around.zip"))):
            self.assertEqual(self.fetched(given), self.digest)
        with mock.patch.dict("os.environ", {"HOME": str(self.top)}):
            self.assertEqual(self.fetched("~/around/my model"), self.digest)
        with self.assertRaisesRegex(NotAModelError, "no file MLmodel, but a folder in it has one; give that folder"):
            self.fetched(self.top / "around")

    @parameterized.parameters(
        ("", UriError, "the URI is empty"),
        ("gs://bucket/model", UriError, "scheme 'gs' is not supported; allowed are a local folder"),
        ("runs:/abc", UriError, "give runs:/RUN_ID/PATH"),
        ("file://elsewhere/model", UriError, "names the machine 'elsewhere'; give file:///PATH"),
        ("nowhere", NotFoundError, "nowhere: no such folder or archive"),
        ("s3:///key", UriError, "names no bucket; give s3://BUCKET/KEY"),
        ("models:/a/1", UriError, "MLFLOW_TRACKING_URI is not set .* such as MLFLOW_TRACKING_URI=http://HOST:5000"),
    )
    def test_what_is_no_uri(self, given: str, error: type[Exception], message: str) -> None:
        with self.assertRaisesRegex(error, message):
            self.fetched(given)

    def test_what_is_no_model(self) -> None:
        (self.top / "empty").mkdir()
        with self.assertRaisesRegex(NotAModelError, "has no file MLmodel; it holds nothing"):
            self.fetched(self.top / "empty")
        with self.assertRaisesRegex(NotAModelError, "is neither a folder nor an archive"):
            self.fetched(self.model / "MLmodel")
        self.packed("a.zip", self.model / "code")
        with self.assertRaisesRegex(NotAModelError, "a.zip has no file MLmodel; it holds a. Give the folder"):
            self.fetched(self.top / "a.zip")

    @parameterized.parameters(("s3://a/b", "boto3"), ("models:/a/1", "mlflow-skinny"), ("runs:/a/b", "mlflow-skinny"))
    def test_packages_that_are_not_there(self, given: str, package: str) -> None:
        gone = dict.fromkeys(("boto3", "mlflow", "mlflow.exceptions"))
        with (
            mock.patch.dict(sys.modules, gone),
            self.assertRaisesRegex(MissingPackageError, f"install it with `pip install {package}`"),
        ):
            self.fetched(given, {"MLFLOW_TRACKING_URI": "http://127.0.0.1:1"})

    @parameterized.parameters("a.tar.gz", "a.zip")
    def test_archives_over_http(self, name: str) -> None:
        body = self.packed(name)
        with web.serving(lambda path, headers: (200, {}, body)) as url:
            self.assertEqual(self.fetched(f"{url}/deep/{name}?signature=secret"), self.digest)
            self.assertEqual(self.fetched(f"{url}/download"), self.digest)
            with self.assertRaisesRegex(LimitError, "more than 10 bytes"):
                self.fetched(f"{url}/{name}", budget=Budget(max_bytes=10))

    def test_progress(self) -> None:
        body, progress = self.packed("a.zip"), mock.create_autospec(Silent, instance=True)
        with web.serving(lambda path, headers: (200, {}, body)) as url:
            (self.top / "scratch").mkdir()
            fetch.fetch(f"{url}/a.zip", self.top / "scratch", {}, progress=progress)
        progress.begin.assert_called_once_with("a.zip", len(body))
        self.assertEqual(sum(call.args[0] for call in progress.advance.call_args_list), len(body))

    def test_http_errors(self) -> None:
        body = self.packed("a.zip")

        def site(path: str, headers: dict[str, str]) -> web.Answer:
            if path.startswith("/short"):
                return 200, {"Content-Length": str(len(body) + 10)}, body
            return int(path[1:4]), {}, b"<html>"

        with web.serving(site) as url:
            for path, error, message in (
                ("404", NotFoundError, "the server has nothing there"),
                ("500", FetchError, "the server answers 500 Internal Server Error"),
                (
                    "401",
                    FetchError,
                    "answers 401 Unauthorized. Put user name and password into the URL, or set MLFLOW_",
                ),
                ("200", NotAModelError, "gives no archive .* its path is not that of an MLflow artifact proxy"),
                ("short", FetchError, "the connection broke|bytes arrived; try again"),
            ):
                with self.assertRaisesRegex(error, message) as caught:
                    self.fetched(f"{url.replace('//', '//ada:secret@')}/{path}?token=secret")
                self.assertNotIn("secret", str(caught.exception))
        with self.assertRaisesRegex(FetchError, "Check the address, and that the server runs"):
            self.fetched(f"{url}/gone")

    def test_credentials_go_to_their_server_only(self) -> None:
        body, seen = self.packed("a.zip"), []

        def other(path: str, headers: dict[str, str]) -> web.Answer:
            seen.append(headers.get("Authorization"))
            return 200, {}, body

        with web.serving(other) as target:

            def first(path: str, headers: dict[str, str]) -> web.Answer:
                seen.append(headers.get("Authorization"))
                return 302, {"Location": f"{target}/a.zip"}, b""

            with web.serving(first) as url:
                self.assertEqual(self.fetched(f"{url.replace('//', '//ada:p%40ss@')}/a.zip"), self.digest)
                basic = "Basic " + base64.b64encode(b"ada:p@ss").decode()
                self.assertEqual(seen, [basic, None])
                seen.clear()
                token = {"MLFLOW_TRACKING_URI": url, "MLFLOW_TRACKING_TOKEN": "t"}
                self.fetched(f"{url}/a.zip", token)
                self.fetched(f"{target}/a.zip", token)
                self.assertEqual(seen, ["Bearer t", None, None])
        pair = {"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "p@ss", "MLFLOW_TRACKING_URI": url}
        self.assertEqual(http.authorization(f"{url}/x", pair), basic)

    def test_artifact_proxy(self) -> None:
        files = models.content(self.model)

        def site(path: str, headers: dict[str, str]) -> web.Answer:
            listing = {"": ["MLmodel", "model.pkl", "code/"], "/code": ["a"]}
            if path.startswith(f"{_PROXY}?path=1%2Fmodel"):
                names = listing[path.removeprefix(f"{_PROXY}?path=1%2Fmodel").replace("%2F", "/")]
                items = [{"path": name.rstrip("/"), "is_dir": name.endswith("/")} for name in names]
                return 200, {}, json.dumps({"files": items}).encode()
            if path.startswith(f"{_PROXY}/1/model/"):
                return 200, {}, files[path.removeprefix(f"{_PROXY}/1/model/")]
            if path.endswith("evil"):
                return 200, {}, b'{"files": [{"path": "../../evil", "is_dir": false}]}'
            return 200, {}, b"<html>" if path.endswith("html") else b"{}"

        with web.serving(site) as url:
            self.assertEqual(self.fetched(f"{url}{_PROXY}/1/model"), self.digest)
            self.assertEqual(self.fetched(f"{url}{_PROXY}/1/model/"), self.digest)
            with self.assertRaisesRegex(LimitError, "more than 2 files"):
                self.fetched(f"{url}{_PROXY}/1/model", budget=Budget(max_files=2))
            with self.assertRaisesRegex(NotAModelError, "'../../evil' is no path inside a model"):
                self.fetched(f"{url}{_PROXY}/evil")
            with self.assertRaisesRegex(FetchError, "does not list artifacts as MLflow does"):
                self.fetched(f"{url}{_PROXY}/html")

    @parameterized.parameters(
        ("s3://a/b#c", "s3://a/b"),
        ("https://ada:pw@host:8/a.zip?X-Amz-Signature=1#x", "https://host:8/a.zip"),
        ("mlflow-artifacts://ada:pw@host/a", "mlflow-artifacts://host/a"),
        ("models:/a@b", "models:/a@b"),
        ("/a b?c", "/a b?c"),
    )
    def test_what_is_shown_has_no_secrets(self, given: str, shown: str) -> None:
        self.assertEqual(uri.redacted(given), shown)

    @parameterized.parameters("flavors: [", "[]", "flavors: 1", "\xff", "a: " + "[" * 20000)
    def test_unreadable_mlmodel(self, text: str) -> None:
        (self.model / "MLmodel").write_text(text, encoding="latin-1")
        with self.assertRaisesRegex(NotAModelError, "MLmodel (is no YAML|names no flavors)"):
            metadata.describe(self.model)

    def test_damaged_archive_over_http(self) -> None:
        body = self.packed("a.tar.gz")[:100]
        with (
            web.serving(lambda path, headers: (200, {}, body)) as url,
            self.assertRaises((ArchiveError, NotAModelError)),
        ):
            self.fetched(f"{url}/a.tar.gz")


if __name__ == "__main__":
    absltest.main()
