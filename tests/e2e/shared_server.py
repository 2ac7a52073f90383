"""A real server with several models, for all tests of a file.

Environment, set by `shared_server_test`: BACKEND, MODELS (`triton_model`s) and TRITONSERVER, as paths below
TEST_SRCDIR.
"""

from __future__ import annotations

import os
import unittest
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from absl.testing import absltest

from mlflow_backend_utils.server import TritonServer
from mlflow_backend_utils.server.driver import take_model
from tests.runfiles import runfiles


def new_server(repository: Path, models: Sequence[str] = (), **options: Any) -> TritonServer:
    """A server, not started yet, of the test's models.

    Args:
      repository: folder that the model repository is made in.
      models: names of the models to serve; all of them, if empty.
      **options: further ones of `TritonServer`.
    """
    for folder in runfiles.paths("MODELS"):
        if not models or folder.name in models:
            take_model(folder, repository / folder.name)
    (tritonserver,) = runfiles.paths("TRITONSERVER")
    return TritonServer(repository, tritonserver, runfiles.paths("BACKEND"), **options)


_servers: dict[str, TritonServer] = {}


def _shared_server(options: Mapping[str, Any]) -> TritonServer:
    """A server for all classes of the module that want the same options."""
    key = repr(sorted(options.items()))
    if key not in _servers:
        repository = Path(os.environ["TEST_TMPDIR"], f"models_{len(_servers)}")
        server = new_server(repository, **options)
        _servers[key] = server.__enter__()
        unittest.addModuleCleanup(server.__exit__, None, None, None)
    return _servers[key]


class SharedServerTest(absltest.TestCase):
    """`server` runs with the models; `model` is the name of the first. `options` are those of `TritonServer`."""

    server: TritonServer
    model: str
    options: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.model = runfiles.paths("MODELS")[0].name
        cls.server = _shared_server(cls.options)
