"""Every kind of model answers on a real server what MLflow answers: over HTTP as JSON and as bytes, and over gRPC.

Each model is served with a config.pbtxt that names the backend and the environment; the rest is auto-completed. What
is asked and compared is that of `triton_model_test`: the input example, the same with a missing value, without rows and
with 10,000 rows, and requests that must be refused.

Environment: BACKEND, ENVIRONMENT, EXPECTED, MODELS, STUB and TRITONSERVER, as paths below TEST_SRCDIR; AT_LEAST, a
number of models; INSTANCE_KIND, that of the instance group, if not empty; VOLATILE, outputs as MODEL.OUTPUT, with
commas, whose values differ from answer to answer; LEFT_OUT, a JSON object of models that cannot be and why.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import ClassVar

import tritonclient.grpc as grpcclient
from absl.testing import absltest, parameterized

from mlflow_backend_utils.repository.layout import copy_folder
from mlflow_backend_utils.server import TritonServer, clients, model_test, reference
from tests.runfiles import runfiles

_CONFIG = """backend: "mlflow"
parameters {{ key: "EXECUTION_ENV_PATH" value {{ string_value: "{environment}" }} }}
"""
_KIND = os.environ["INSTANCE_KIND"]
_INSTANCES = f"instance_group {{ kind: {_KIND} }}\n" if _KIND else ""


_MODELS = sorted(folder.name for folder in runfiles.path("MODELS").iterdir())
_LEFT_OUT = json.loads(os.environ["LEFT_OUT"])
_VOLATILE = [name.split(".", 1) for name in os.environ["VOLATILE"].split(",") if name]


class ParityTest(parameterized.TestCase):
    server: ClassVar[TritonServer]
    repository: ClassVar[Path]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        scratch = Path(os.environ["TEST_TMPDIR"])
        cls.repository = scratch / "models"
        for name in _MODELS:
            version = cls.repository / name / "1"
            version.parent.mkdir(parents=True)
            # MLflow refuses a model whose files lead out of its folder.
            copy_folder(str(runfiles.path("MODELS") / name), str(version))
            config = _CONFIG.format(environment=runfiles.path("ENVIRONMENT").resolve()) + _INSTANCES
            (version.parent / "config.pbtxt").write_text(config)
            (version.parent / "triton_python_backend_stub").symlink_to(runfiles.path("STUB").resolve())
        cls.server = cls.enterClassContext(  # type: ignore[attr-defined]
            TritonServer(
                cls.repository, runfiles.path("TRITONSERVER"), [runfiles.path("BACKEND")], model_control="explicit"
            )
        )

    @parameterized.parameters(*_MODELS)
    def test_model(self, name: str) -> None:
        checks = model_test.Checks()
        with contextlib.ExitStack() as stack:
            control = stack.enter_context(grpcclient.InferenceServerClient(self.server.grpc_url))
            control.load_model(name)
            stack.callback(control.unload_model, name)
            http_json = stack.enter_context(clients.HttpClient(self.server.http_url, binary=False))
            connections: list[clients.Client] = [
                http_json,
                stack.enter_context(clients.HttpClient(self.server.http_url, binary=True)),
                stack.enter_context(clients.GrpcClient(self.server.grpc_url)),
            ]
            info = http_json.model_info(name)
            cases = reference.read(runfiles.path("EXPECTED") / f"{name}.json")
            volatile = {output for model, output in _VOLATILE if model == name}
            model_test.ModelCheck(name, info, cases, connections, volatile).run(checks)
        self.assertEqual(checks.failed, 0, "failed checks, see above")

    @parameterized.parameters(*(_LEFT_OUT.items() or [("nothing", "")]))
    def test_left_out(self, name: str, reason: str) -> None:
        self.assertNotIn(name, _MODELS)
        if reason:
            self.skipTest(f"{name}: {reason}")

    def test_there_are_many(self) -> None:
        """A suite that lost its models would pass."""
        self.assertGreaterEqual(len(_MODELS), int(os.environ["AT_LEAST"]))


if __name__ == "__main__":
    absltest.main()
