"""Every kind of URI, imported from a real MLflow server and a real S3 API: by the command line, and by builds."""

import atexit
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import urllib.request
from unittest import mock

import boto3
import mlflow
import pandas
from absl.testing import absltest, parameterized
from click.testing import CliRunner, Result
from mlflow.models import infer_signature

from mlflow_backend_utils.cli import models
from mlflow_backend_utils.server import triton_server
from mlflow_backend_utils.store import archive, digest
from tests.integration.store import servers
from tests.runfiles import runfiles

_FRAME = pandas.DataFrame({"x": [1.0, 2.0]})


class Doubler(mlflow.pyfunc.PythonModel):
    """Twice what comes."""

    def predict(self, context, model_input, params=None):
        return model_input * 2


class Published:
    """One model, and every way to it.

    Attributes:
      folder: the model as a local folder.
      digest: of its tree.
      run_id: of the run that logged it.
      uris: kind of URI to URI.
    """

    def __init__(self, top: pathlib.Path, tracking: str, s3: str) -> None:
        with mlflow.start_run(run_name="doubling") as run:
            mlflow.log_params({"factor": 2})
            mlflow.log_metrics({"error": 0.25})
            mlflow.set_tag("owner", "ada")
            logged = mlflow.pyfunc.log_model(
                name="model",
                python_model=Doubler(),
                signature=infer_signature(_FRAME, _FRAME * 2),
                input_example=_FRAME,
                pip_requirements=["mlflow-skinny"],
            )
        self.run_id = run.info.run_id
        client = mlflow.MlflowClient()
        version = mlflow.register_model(logged.model_uri, "doubler", tags={"checked": "yes"})
        client.set_registered_model_alias("doubler", "champion", version.version)
        client.transition_model_version_stage("doubler", version.version, "Production")
        self.folder = pathlib.Path(mlflow.artifacts.download_artifacts(logged.model_uri, dst_path=str(top / "local")))
        # The registry's client puts a note of its own beside the files that were logged.
        (self.folder / "registered_model_meta").unlink(missing_ok=True)
        self.digest = digest.tree_digest(self.folder)
        for suffix in (".tar.gz", ".zip"):
            archive.write(self.folder, digest.tree_paths(self.folder), top / f"packed{suffix}")
        self._upload(top, s3)
        location = client.get_logged_model(logged.model_id).artifact_location
        assert location.startswith("mlflow-artifacts:/"), location
        path = location.removeprefix("mlflow-artifacts:/")
        proxy = f"{tracking}/api/2.0/mlflow-artifacts/artifacts"
        with (top / "packed.zip").open("rb") as packed:
            request = urllib.request.Request(f"{proxy}/archives/packed.zip", packed.read(), method="PUT")
        urllib.request.urlopen(request).close()
        self.uris = {
            "folder": str(self.folder),
            "file URI": self.folder.as_uri(),
            "archive": str(top / "packed.tar.gz"),
            "run": f"runs:/{self.run_id}/model",
            "version": "models:/doubler/1",
            "latest": "models:/doubler/latest",
            "alias": "models:/doubler@champion",
            "stage": "models:/doubler/Production",
            "logged model": f"models:/{logged.model_id}",
            "artifacts": location,
            "artifacts of a host": f"mlflow-artifacts://{tracking.removeprefix('http://')}/{path}",
            "proxy": f"{proxy}/{path}",
            "archive behind a proxy": f"{proxy}/archives/packed.zip",
            "S3": "s3://models/deep/doubler",
            "S3 with a slash": "s3://models/deep/doubler/",
            "S3 archive": "s3://models/packed.tar.gz",
            "HTTP archive": f"{s3}/models/packed.zip",
        }

    def _upload(self, top: pathlib.Path, s3: str) -> None:
        client = boto3.client("s3", endpoint_url=s3)
        client.create_bucket(Bucket="models", ACL="public-read")
        for path in digest.tree_paths(self.folder):
            client.upload_file(str(self.folder / path), "models", f"deep/doubler/{path}")
        client.put_object(Bucket="models", Key="deep/doubler/", Body=b"")  # how consoles make folders
        client.put_object(Bucket="models", Key="deep/doubler2/MLmodel", Body=b"another")
        for name in ("packed.tar.gz", "packed.zip"):
            client.upload_file(str(top / name), "models", name, ExtraArgs={"ACL": "public-read"})


_context = contextlib.ExitStack()
_published: list[Published] = []


def setUpModule() -> None:
    """One of each server for all tests, and one model that is everywhere."""
    # Also when what follows fails, or the test is told to stop: nobody else stops the servers.
    atexit.register(_context.close)
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    folder = pathlib.Path(_context.enter_context(tempfile.TemporaryDirectory()))
    s3 = _context.enter_context(servers.s3_server(folder / "s3"))
    tracking = _context.enter_context(servers.tracking_server(folder / "tracking"))
    environment = servers.clean_environment(
        folder,
        {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "MLFLOW_S3_ENDPOINT_URL": s3,
            "MLFLOW_TRACKING_URI": tracking,
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        },
    )
    _context.enter_context(mock.patch.dict(os.environ, environment, clear=True))
    _published.append(Published(folder, tracking, s3))


_KINDS = (
    "folder",
    "file URI",
    "archive",
    "run",
    "version",
    "latest",
    "alias",
    "stage",
    "logged model",
    "artifacts",
    "artifacts of a host",
    "proxy",
    "archive behind a proxy",
    "S3",
    "S3 with a slash",
    "S3 archive",
    "HTTP archive",
)
_WITH_RUN = {"run", "version", "latest", "alias", "stage", "logged model", "artifacts", "artifacts of a host"}
_OF_REGISTRY = {"version", "latest", "alias", "stage"}


class ImportTest(parameterized.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.top = pathlib.Path(self.create_tempdir().full_path)
        self.model = _published[0]

    def command(self, *arguments: str) -> Result:
        return CliRunner().invoke(models.models, [*arguments, f"--store={self.top / 'store'}"])

    def done(self, *arguments: str) -> str:
        """Standard output of a command that succeeds."""
        result = self.command(*arguments)
        self.assertEqual(result.exit_code, 0, f"{result.output}{result.exception!r}")
        return result.stdout

    def test_every_kind_is_tested(self) -> None:
        self.assertCountEqual(_KINDS, self.model.uris)

    @parameterized.parameters(*_KINDS)
    def test_import(self, kind: str) -> None:
        self.done("import", "doubler:1", self.model.uris[kind])
        known = json.loads(self.done("get", "doubler:1"))
        self.assertEqual(known["digest"], self.model.digest)  # whichever way it came
        self.assertEqual(known["metadata"]["mlmodel"]["flavors"], ["python_function"])
        if kind in _WITH_RUN:
            run = known["metadata"]["run"]
            self.assertEqual((run["run_id"], run["run_name"]), (self.model.run_id, "doubling"))
            self.assertEqual((run["params"], run["metrics"]), ({"factor": "2"}, {"error": 0.25}))
            self.assertEqual(run["tags"]["owner"], "ada")
        if kind in _OF_REGISTRY:
            version = known["metadata"]["model_version"]
            self.assertEqual((version["name"], version["version"], version["stage"]), ("doubler", "1", "Production"))
            self.assertEqual((version["aliases"], version["tags"]), (["champion"], {"checked": "yes"}))

    def test_what_is_kept_is_a_model(self) -> None:
        self.done("import", "doubler", self.model.uris["alias"])
        self.done("import", "again", self.model.uris["S3"])
        path = self.done("get", "doubler", "-o", "path").strip()
        answer = mlflow.pyfunc.load_model(path).predict(_FRAME)
        self.assertEqual(answer["x"].tolist(), [2.0, 4.0])
        self.assertEqual(
            [line.split()[0] for line in self.done("list").splitlines()[1:]], ["again:latest", "doubler:latest"]
        )
        self.done("export", "doubler", str(self.top / "out.tar.gz"))
        self.done("delete", "doubler")
        self.done("delete", "again")
        self.done("import", "doubler", str(self.top / "out.tar.gz"))
        self.assertEqual(json.loads(self.done("list", "-o", "json"))[0]["digest"], self.model.digest)

    @parameterized.parameters(
        ("runs:/0123456789abcdef0123456789abcdef/model", 2, "Run with id=.* not found"),
        ("models:/nobody/1", 2, "not found"),
        ("models:/doubler/7", 2, "not found"),
        ("models:/doubler@nobody", 2, "alias nobody not found"),
        ("models:/doubler/Staging", 2, "the registry has no such version of 'doubler'"),
        ("s3://models/nothing", 2, "the bucket has nothing there"),
        ("s3://nobody/model", 2, "NoSuchBucket"),
        ("s3://models/deep/doubler/MLmodel", 2, "is one object and no archive"),
        ("s3://models/deep", 2, r"has no file MLmodel; it holds doubler, doubler2"),
    )
    def test_what_is_not_there(self, given: str, status: int, message: str) -> None:
        result = self.command("import", "doubler", given)
        self.assertEqual(result.exit_code, status, result.output)
        self.assertRegex(result.stderr, message)
        self.assertEqual(self.done("list").count("\n"), 1)

    def test_a_server_that_does_not_answer(self) -> None:
        (port,) = triton_server.free_ports(1)
        address = f"http://127.0.0.1:{port}"
        with mock.patch.dict(os.environ, {"MLFLOW_TRACKING_URI": address, "MLFLOW_S3_ENDPOINT_URL": address}):
            for given in ("models:/doubler/1", "s3://models/deep/doubler", f"{address}/model.zip"):
                result = self.command("import", "doubler", given)
                self.assertEqual(result.exit_code, 1, result.output)
                self.assertRegex(result.stderr, "Check|API request")

    @parameterized.parameters("version", "S3", "proxy")
    def test_a_build_fetches_the_same(self, kind: str) -> None:
        out = self.top / "out"
        script = runfiles.path("FETCH")
        command = [
            sys.executable,
            "-B",
            str(script),
            "--name=doubler",
            f"--uri={self.model.uris[kind]}",
            f"--out={out}",
        ]
        command += [f"--store={self.top / 'cache'}"]
        refused = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(refused.returncode, 1)
        self.assertIn(f'sha256 = "{self.model.digest}"', refused.stderr)
        subprocess.run([*command, f"--sha256={self.model.digest}"], check=True)
        self.assertEqual(digest.tree_digest(out), self.model.digest)


if __name__ == "__main__":
    absltest.main()
