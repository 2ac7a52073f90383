"""A real server with models, for all tests of a class.

Environment, as paths below TEST_SRCDIR: BACKEND and TRITONSERVER; of `served_model_test` MODEL (a `triton_model`), of
`served_models_test` MODELS (folders of MLflow models), ENVIRONMENT (a folder) and STUB.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from absl.testing import absltest

from mlflow_backend_utils.config.writer import ConfigOptions, render_config
from mlflow_backend_utils.repository.layout import copy_folder
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


class ServedModelsTest(absltest.TestCase):
    """`server` runs with the models that `options` names, each configured as it says."""

    options: ClassVar[Mapping[str, ConfigOptions]]
    server: TritonServer

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        models = Path(os.environ["TEST_TMPDIR"], "models")
        environment = str(_runfile("ENVIRONMENT").resolve())
        for name, options in cls.options.items():
            version = models / name / "1"
            version.parent.mkdir(parents=True)
            # MLflow refuses a model whose files lead out of its folder.
            copy_folder(str(_runfile("MODELS") / name), str(version))
            config = render_config(version, dataclasses.replace(options, name=name, env_path=environment))
            (version.parent / "config.pbtxt").write_text(config, encoding="utf-8")
            (version.parent / "triton_python_backend_stub").symlink_to(_runfile("STUB").resolve())
        cls.server = cls.enterClassContext(  # type: ignore[attr-defined]
            TritonServer(models, _runfile("TRITONSERVER"), [_runfile("BACKEND")])
        )
