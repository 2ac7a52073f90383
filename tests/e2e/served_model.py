"""A real server with one model, for all tests of a class.

Environment, set by `served_model_test`: BACKEND, MODEL (a `triton_model`) and TRITONSERVER, as paths below TEST_SRCDIR.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from absl.testing import absltest

from mlflow_backend_utils.server import TritonServer
from mlflow_backend_utils.server.driver import take_model


def _runfile(variable: str) -> Path:
    return Path(os.environ["TEST_SRCDIR"], os.environ[variable])


def request_log(log: str) -> list[dict[str, Any]]:
    """The lines of the backend's request log in a server's log."""
    texts = re.findall(r'(\{"event": "request".*\}|\{\\"event\\": \\"request.*\})', log)
    return [json.loads(text if text.startswith('{"') else json.loads(f'"{text}"')) for text in texts]


class ServedModelTest(absltest.TestCase):
    """`server` runs with the model; `model` is its name."""

    server: TritonServer
    model: str

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        folder = _runfile("MODEL")
        cls.model = folder.name
        models = Path(os.environ["TEST_TMPDIR"], "models")
        take_model(folder, models / cls.model)
        cls.server = cls.enterClassContext(  # type: ignore[attr-defined]
            TritonServer(models, _runfile("TRITONSERVER"), [_runfile("BACKEND")])
        )
