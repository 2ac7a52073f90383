"""The target `triton` of `mlflow deployments`, from its wheel, on a real server in explicit mode.

Environment: MLFLOW_VERSION (how the version of the MLflow that deploys begins); BACKEND, ENVIRONMENT (a packed one, as
a folder), MODEL (the wine model, served), TRITONSERVER and WHEEL, as paths below TEST_SRCDIR.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path
from typing import Any
from unittest import mock

import mlflow
import pandas as pd
from absl.testing import absltest
from mlflow.exceptions import MlflowException

from mlflow_backend_utils.deployments import TritonDeploymentClient
from mlflow_backend_utils.server import TritonServer
from tests.integration.store import servers
from tests.runfiles import runfiles

_PATIENCE = 300.0


class DeploymentsTest(absltest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        assert mlflow.__version__.startswith(os.environ["MLFLOW_VERSION"]), mlflow.__version__
        cls.folder = Path(os.environ["TEST_TMPDIR"])
        served = runfiles.path("MODEL")
        # As it was saved: MLflow refuses links that lead out of a model's folder.
        cls.model = cls.folder / "wine"
        shutil.copytree(served / "1", cls.model)
        cls.example = pd.DataFrame(**_split(cls.model))
        cls.stub = (served / "triton_python_backend_stub").resolve()
        cls.archive = (served / "conda-pack.tar.gz").resolve()
        cls.site = cls.folder / "site"
        zipfile.ZipFile(runfiles.path("WHEEL")).extractall(cls.site)
        cls.repository = cls.folder / "repository"
        cls.repository.mkdir()
        cls.server = cls.enterClassContext(  # type: ignore[attr-defined]
            TritonServer(
                cls.repository, runfiles.path("TRITONSERVER"), [runfiles.path("BACKEND")], model_control="explicit"
            )
        )
        cls.environ = {
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "TRITON_MODEL_REPO": str(cls.repository),
            "TRITON_URL": cls.server.grpc_url,
        }
        cls.enterClassContext(mock.patch.dict(os.environ, cls.environ))  # type: ignore[attr-defined]
        # The command line finds it by the entry point of the wheel.
        cls.client = TritonDeploymentClient("triton")
        # The environment lies ready on the server.
        cls.options = {"env_path": str(runfiles.path("ENVIRONMENT")), "stub": str(cls.stub)}

    def tearDown(self) -> None:
        for found in self.client.list_deployments():
            self.client.delete_deployment(found["name"])
        super().tearDown()
        self.assertEmpty(list(self.repository.iterdir()))

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "mlflow", "deployments", *arguments]

    def _environ(self) -> dict[str, str]:
        path = os.pathsep.join([str(self.site), *(entry for entry in sys.path if "site_packages" in entry)])
        return {"HOME": str(self.folder), "PATH": os.defpath, "PYTHONPATH": path} | self.environ

    def _cli(self, *arguments: str) -> str:
        done = subprocess.run(
            self._command(*arguments),
            env=self._environ(),
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def _files(self, name: str) -> list[str]:
        return sorted(path.name for path in (self.repository / name).iterdir())

    def test_command_line(self) -> None:
        self.assertIn("TRITON_MODEL_REPO", self._cli("help", "-t", "triton"))
        options = [
            f"-C{name}={value}"
            for name, value in {"conda_pack": self.archive, "stub": self.stub, "max_batch_size": 16}.items()
        ]
        created = self._cli("create", "-t", "triton", "--name", "wine", "-m", str(self.model), *options)
        self.assertIn("python_function deployment wine is created", created)
        self.assertEqual(
            self._files("wine"),
            ["1", "conda-pack.tar.gz", "config.pbtxt", "mlflow-meta.json", "triton_python_backend_stub"],
        )
        self.assertIn("max_batch_size: 16", (self.repository / "wine" / "config.pbtxt").read_text(encoding="utf-8"))
        self.assertIn("'name': 'wine'", self._cli("list", "-t", "triton"))
        described = self._cli("get", "-t", "triton", "--name", "wine")
        self.assertIn("ready: True", described)
        self.assertIn(f"mlflow_model_uri: {self.model}", described)
        data = self.folder / "data.json"
        data.write_text(json.dumps(self.example[:3].to_dict("records")), encoding="utf-8")
        answer = self._cli("predict", "-t", "triton", "--name", "wine", "-I", str(data))
        self.assertEqual(json.loads(answer), {"predictions": self._expected(3)})
        updated = self._cli("update", "-t", "triton", "--name", "wine", "-C", "max_batch_size=8")
        self.assertIn("Deployment wine is updated (with flavor python_function)", updated)
        self.assertIn("max_batch_size: 8", (self.repository / "wine" / "config.pbtxt").read_text(encoding="utf-8"))
        self.assertIn("2", self._files("wine"))
        self.assertNotIn("1", self._files("wine"))
        self.assertIn("Deployment wine is deleted", self._cli("delete", "-t", "triton", "--name", "wine"))
        self.assertEmpty(list(self.repository.iterdir()))

    def _expected(self, rows: int) -> list[Any]:
        # What MLflow answers needs the model's packages, which the client need not have.
        script = (
            "import json, sys, mlflow, pandas as pd; model = mlflow.pyfunc.load_model(sys.argv[1]);"
            "e = json.load(open(sys.argv[1] + '/input_example.json'));"
            "print(json.dumps(model.predict(pd.DataFrame(e['data'], columns=e['columns'])).tolist()))"
        )
        python = runfiles.path("ENVIRONMENT") / "bin" / "python3"
        done = subprocess.run([python, "-I", "-c", script, self.model], capture_output=True, text=True, check=True)
        return list(json.loads(done.stdout.splitlines()[-1]))[:rows]

    def test_forms_of_inputs(self) -> None:
        self.client.create_deployment("wine", str(self.model), config=self.options)
        expected = {"predictions": self._expected(2)}
        frame = self.example[:2]
        split = frame.to_dict("split")
        del split["index"]
        forms: list[Any] = [
            frame,
            frame.to_dict("list"),
            frame.to_dict("records"),
            frame.to_numpy(),
            {"dataframe_split": split},
            {"dataframe_records": frame.to_dict("records")},
            {"inputs": frame.to_dict("list")},
            json.dumps({"dataframe_split": split}),
        ]
        for inputs in forms:
            self.assertEqual(dict(self.client.predict("wine", inputs)), expected)
        self.assertEqual(list(self.client.predict_stream("wine", frame)), [expected])
        for inputs in (
            frame.drop(columns="ash"),
            {"dataframe_split": {"columns": ["ash"], "data": [[1.0]]}},
            "no JSON",
        ):
            with self.assertRaises(MlflowException):
                self.client.predict("wine", inputs)

    def test_failed_create_leaves_nothing(self) -> None:
        broken = self.folder / "broken"
        shutil.copytree(self.model, broken)
        self.addCleanup(shutil.rmtree, broken)
        for file in broken.glob("model.*"):
            file.unlink()
        with self.assertRaisesRegex(MlflowException, "load failed for model 'broken'"):
            self.client.create_deployment("broken", str(broken), config=self.options)
        self.assertEmpty(list(self.repository.iterdir()))
        self.assertEmpty(self.client.list_deployments())
        for name, uri, config in (
            ("a/b", self.model, {}),
            ("a", self.folder / "nothing", {}),
            ("a", self.model, {"x": 1}),
        ):
            with self.assertRaises(MlflowException):
                self.client.create_deployment(name, str(uri), config=config)
        self.assertEmpty(list(self.repository.iterdir()))

    def test_failed_update_keeps_what_was_there(self) -> None:
        self.client.create_deployment("wine", str(self.model), config=self.options)
        before = {path: path.stat().st_size for path in self.repository.rglob("*") if path.is_file()}
        with self.assertRaisesRegex(MlflowException, "load failed for model 'wine'"):
            self.client.update_deployment("wine", config={"parameters.stream_threads": "none"})
        after = {path: path.stat().st_size for path in self.repository.rglob("*") if path.is_file()}
        self.assertEqual(after, before)
        self.assertEqual(dict(self.client.predict("wine", self.example[:1])), {"predictions": self._expected(1)})

    def test_others(self) -> None:
        self.client.create_deployment("wine", str(self.model), config=self.options)
        with self.assertRaises(MlflowException) as caught:
            self.client.create_deployment("wine", str(self.model), config=self.options)
        self.assertEqual(caught.exception.error_code, "RESOURCE_ALREADY_EXISTS")
        foreign = self.repository / "foreign"
        foreign.mkdir()
        self.assertEqual([found["name"] for found in self.client.list_deployments()], ["wine"])
        for call in (self.client.get_deployment, self.client.delete_deployment, self.client.update_deployment):
            with self.assertRaisesRegex(MlflowException, "foreign is no deployment of MLflow"):
                call("foreign")
        self.client.delete_deployment("never_there")
        with self.assertRaises(MlflowException) as caught:
            self.client.predict("never_there", [1.0])
        self.assertEqual(caught.exception.error_code, "RESOURCE_DOES_NOT_EXIST")
        self.client.delete_deployment("wine")
        self.assertEqual([child.name for child in self.repository.iterdir()], ["foreign"])
        foreign.rmdir()

    def test_run_local(self) -> None:
        options = self.options | {
            "tritonserver": str(runfiles.path("TRITONSERVER")),
            "backend": str(runfiles.path("BACKEND")),
        }
        arguments = [f"-C{name}={value}" for name, value in options.items()]
        process = subprocess.Popen(
            self._command("run-local", "-t", "triton", "--name", "mine", "-m", str(self.model), *arguments),
            env=self._environ(),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        try:
            url = ""
            for line in process.stdout:
                url = line.split()[1] if line.startswith("HTTP") else url
                if "Ctrl-C" in line:
                    break
            with urllib.request.urlopen(f"{url}/v2/models/mine/ready", timeout=_PATIENCE) as answer:
                self.assertEqual(answer.status, 200)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(_PATIENCE), 0)
        finally:
            process.kill()
            process.stdout.close()
            process.wait()


def _split(model: Path) -> dict[str, Any]:
    example = json.loads((model / "input_example.json").read_text(encoding="utf-8"))
    return {"data": example["data"], "columns": example["columns"]}


class BucketTest(absltest.TestCase):
    """A repository in S3; the server loads from it."""

    def test_every_verb(self) -> None:
        import boto3

        folder = Path(os.environ["TEST_TMPDIR"], "bucket")
        (folder / "none").mkdir(parents=True)
        model = folder / "wine"
        served = runfiles.path("MODEL")
        shutil.copytree(served / "1", model)
        keys = {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
        with servers.s3_server(folder / "s3") as url, mock.patch.dict(os.environ, keys):
            s3 = boto3.client("s3", endpoint_url=url)
            s3.create_bucket(Bucket="models")
            # A server refuses a repository that is not there.
            s3.put_object(Bucket="models", Key="served/README", Body=b"")
            place = f"s3://{url.removeprefix('http://')}/models/served"

            def found() -> set[str]:
                entries = s3.list_objects_v2(Bucket="models").get("Contents", [])
                return {"/".join(entry["Key"].split("/")[:3]) for entry in entries} - {"served/README"}

            with (
                TritonServer(
                    folder / "none",
                    runfiles.path("TRITONSERVER"),
                    [runfiles.path("BACKEND")],
                    model_control="explicit",
                    # A second repository, beside the empty one.
                    extra_args=[f"--model-repository={place}"],
                    env=keys,
                ) as server,
                mock.patch.dict(os.environ, {"TRITON_MODEL_REPO": place, "TRITON_URL": server.grpc_url}),
            ):
                client = TritonDeploymentClient("triton")
                options = {
                    "env_path": str(runfiles.path("ENVIRONMENT")),
                    "stub": str((served / "triton_python_backend_stub").resolve()),
                }
                client.create_deployment("wine", str(model), config=options)
                frame = pd.DataFrame(**_split(model))[:2]
                answer = dict(client.predict("wine", frame))
                self.assertLen(answer["predictions"], 2)
                self.assertEqual([one["name"] for one in client.list_deployments()], ["wine"])
                self.assertTrue(client.get_deployment("wine")["ready"])
                client.update_deployment("wine", config={"max_batch_size": 4})
                self.assertIn("served/wine/2", found())
                self.assertNotIn("served/wine/1", found())
                self.assertEqual(dict(client.predict("wine", frame)), answer)
                with self.assertRaises(MlflowException):
                    client.update_deployment("wine", config={"parameters.stream_threads": "none"})
                self.assertEqual(dict(client.predict("wine", frame)), answer)
                client.delete_deployment("wine")
                self.assertEmpty(found())


if __name__ == "__main__":
    absltest.main()
