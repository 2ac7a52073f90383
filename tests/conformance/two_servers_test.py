"""Spec 8.7, line 66: two releases of the server at the same time, with the same executable as their stub."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import numpy as np
import tritonclient.grpc as grpcclient
from absl.testing import absltest

from mlflow_backend_utils.server import TritonServer
from tests.conformance import harness, repository
from tests.conformance.repository import Model

_MODEL = Model("identity", inputs=["IN FP32 -1"], outputs=["OUT FP32 -1"])


class TwoServersTest(absltest.TestCase):
    def test_line_66_one_stub_for_two_releases(self) -> None:
        data = np.arange(16, dtype=np.float32)
        with contextlib.ExitStack() as stack:
            scratch = stack.enter_context(tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")))
            models = Path(scratch).resolve()
            repository.add_model(models, _MODEL, stub=harness.stub(), environment=harness.environment())
            servers, clients = [], []
            for variable in ("TRITONSERVER", "OLD_TRITONSERVER"):
                server = TritonServer(
                    models,
                    harness.setting(variable),
                    (),
                    extra_args=["--disable-auto-complete-config"],
                    launcher=harness.own_libc(),
                    stop_seconds=harness.STOP_SECONDS,
                )
                servers.append(stack.enter_context(server))
                clients.append(stack.enter_context(grpcclient.InferenceServerClient(server.grpc_url)))
            versions = {client.get_server_metadata().version for client in clients}
            self.assertLen(versions, 2)
            for _ in range(50):
                for client in clients:
                    answer = client.infer("identity", harness.tensors({"IN": data}))
                    np.testing.assert_array_equal(answer.as_numpy("OUT"), data)
        for server in servers:
            self.assertEqual(server.leftovers(), [])


if __name__ == "__main__":
    absltest.main()
