"""A real server with models, for all tests of a class.

Environment, as paths below TEST_SRCDIR: BACKEND and TRITONSERVER; of `served_model_test` MODEL (a `triton_model`), of
`served_models_test` MODELS (folders of MLflow models), ENVIRONMENT (a folder) and STUB.
"""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import re
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tritonclient.grpc as grpcclient
from absl.testing import absltest

from mlflow_backend_utils.config.writer import ConfigOptions, render_config
from mlflow_backend_utils.repository.layout import copy_folder
from mlflow_backend_utils.server import TritonServer
from mlflow_backend_utils.server.driver import take_model
from tests.runfiles import runfiles

_PATIENCE = 60.0


def request_log(log: str) -> list[dict[str, Any]]:
    """The lines of the backend's request log in a server's log."""
    texts = re.findall(r'(\{"event": "request".*\}|\{\\"event\\": \\"request.*\})', log)
    return [json.loads(text if text.startswith('{"') else json.loads(f'"{text}"')) for text in texts]


class Stream:
    """One request over a gRPC stream; gives the pieces of a text.

    Args:
      texts: values of the inputs of type BYTES, of one row.
      output: name of the output with the text.
      parameters: the model's params.
    """

    def __init__(
        self,
        server: TritonServer,
        model: str,
        texts: Mapping[str, str],
        output: str,
        request_id: str = "",
        **parameters: Any,
    ):
        self._output = output
        self._answers: queue.Queue[Any] = queue.Queue()
        self.client = grpcclient.InferenceServerClient(server.grpc_url)
        self.client.start_stream(lambda result, error: self._answers.put((result, error)))
        tensors = []
        for name, text in texts.items():
            tensors.append(grpcclient.InferInput(name, [1, 1], "BYTES"))
            tensors[-1].set_data_from_numpy(np.array([[text.encode()]], np.object_))
        self.client.async_stream_infer(
            model,
            tensors,
            request_id=request_id,
            parameters={"params": json.dumps(parameters)} if parameters else None,
            enable_empty_final_response=True,
        )

    def next(self) -> str | None:
        """The next piece; None: there are no more.

        Raises:
          InferenceServerException: the answer ended with an error.
        """
        result, error = self._answers.get(timeout=_PATIENCE)
        if error is not None:
            raise error
        texts = result.as_numpy(self._output)
        return None if texts is None or not texts.size else texts.ravel()[0].decode()

    def close(self, cancel: bool = False) -> None:
        """Ends the connection."""
        self.client.stop_stream(cancel_requests=cancel)
        self.client.close()


class ServedModelTest(absltest.TestCase):
    """`server` runs with the model; `model` is its name."""

    server: TritonServer
    model: str

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        folder = runfiles.path("MODEL")
        cls.model = folder.name
        models = Path(os.environ["TEST_TMPDIR"], "models")
        take_model(folder, models / cls.model)
        cls.server = cls.enterClassContext(  # type: ignore[attr-defined]
            TritonServer(models, runfiles.path("TRITONSERVER"), [runfiles.path("BACKEND")])
        )

    def post(self, path: str, body: Mapping[str, Any]) -> str:
        """What the model's URL with `path` answers to a JSON object."""
        url = f"http://{self.server.http_url}/v2/models/{self.model}/{path}"
        request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            return str(answer.read().decode())

    def metric(self, name: str) -> float:
        """The model's value of a metric; -1: there is none."""
        with urllib.request.urlopen(f"http://{self.server.metrics_url}/metrics", timeout=_PATIENCE) as answer:
            text = answer.read().decode()
        found = re.search(rf'^{name}{{[^}}]*model="{self.model}"[^}}]*}} (\S+)$', text, re.MULTILINE)
        return float(found[1]) if found else -1.0

    def wait_for_metric(self, name: str, least: float) -> None:
        """Waits until a metric has reached a value."""
        end = time.monotonic() + _PATIENCE
        while self.metric(name) < least:
            self.assertLess(time.monotonic(), end, name)
            time.sleep(0.1)

    def settled_metric(self, name: str) -> float:
        """The value of a metric when it changes no more."""
        end = time.monotonic() + _PATIENCE
        before = -1.0
        # The server is told once a second.
        while (now := self.metric(name)) != before:
            self.assertLess(time.monotonic(), end, f"{name} goes on")
            before = now
            time.sleep(2.5)
        return before


class ServedModelsTest(absltest.TestCase):
    """`server` runs with the models that `options` names, each configured as it says."""

    options: ClassVar[Mapping[str, ConfigOptions]]
    server: TritonServer

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        models = Path(os.environ["TEST_TMPDIR"], "models")
        environment = str(runfiles.path("ENVIRONMENT").resolve())
        for name, options in cls.options.items():
            version = models / name / "1"
            version.parent.mkdir(parents=True)
            # MLflow refuses a model whose files lead out of its folder.
            copy_folder(str(runfiles.path("MODELS") / name), str(version))
            config = render_config(version, dataclasses.replace(options, name=name, env_path=environment))
            (version.parent / "config.pbtxt").write_text(config, encoding="utf-8")
            (version.parent / "triton_python_backend_stub").symlink_to(runfiles.path("STUB").resolve())
        cls.server = cls.enterClassContext(  # type: ignore[attr-defined]
            TritonServer(models, runfiles.path("TRITONSERVER"), [runfiles.path("BACKEND")])
        )
