"""Where to deploy, and under which names."""

from __future__ import annotations

from absl.testing import absltest, parameterized
from mlflow.exceptions import MlflowException

from mlflow_backend_utils import deployments
from mlflow_backend_utils.deployments import target


class TargetTest(parameterized.TestCase):
    @parameterized.parameters(
        ("triton", {}, "grpc://localhost:8001"),
        ("triton", {"TRITON_URL": "h:1"}, "grpc://h:1"),
        ("triton", {"TRITON_URL": "http://h:1"}, "http://h:1"),
        ("triton://other:2", {"TRITON_URL": "h:1"}, "grpc://other:2"),
        ("triton:/", {"TRITON_URL": ""}, "grpc://localhost:8001"),
    )
    def test_url(self, uri: str, environ: dict[str, str], url: str) -> None:
        self.assertEqual(target.read(uri, environ).url, url)

    def test_repository(self) -> None:
        self.assertEqual(target.repository_of(target.read("triton", {"TRITON_MODEL_REPO": "s3://b"})), "s3://b")
        with self.assertRaisesRegex(MlflowException, "TRITON_MODEL_REPO is not set; set it to the server's model rep"):
            target.repository_of(target.read("triton", {}))

    @parameterized.parameters("m", "wine-2.1", "Größe", "a_b", "m@1")
    def test_names(self, name: str) -> None:
        self.assertEqual(target.check_name(name), name)

    @parameterized.parameters(
        "", " ", ".", "..", "a/b", "/a", "../a", "a\\b", "a..b", ".hidden", "a\n", "a\0", "-C", None
    )
    def test_other_names(self, name: str) -> None:
        with self.assertRaisesRegex(MlflowException, "is no name for a deployment; it becomes a folder") as caught:
            target.check_name(name)
        self.assertEqual(caught.exception.error_code, "INVALID_PARAMETER_VALUE")


class PluginTest(absltest.TestCase):
    def test_what_mlflow_wants_of_the_module(self) -> None:
        from mlflow.deployments.interface import get_deploy_client, plugin_store

        plugin_store.register("triton", deployments.__name__)
        self.assertIsInstance(get_deploy_client("triton"), deployments.TritonDeploymentClient)
        self.assertIs(plugin_store["triton"].run_local, deployments.run_local)

    def test_help(self) -> None:
        for part in ("TRITON_URL", "TRITON_MODEL_REPO", "conda_pack", "max_batch_size", "parameters.NAME", "onnx"):
            self.assertIn(part, deployments.target_help())

    def test_endpoints(self) -> None:
        with self.assertRaisesRegex(MlflowException, "the target triton has no endpoints"):
            deployments.TritonDeploymentClient("triton").predict("m", [1.0], endpoint="e")


if __name__ == "__main__":
    absltest.main()
