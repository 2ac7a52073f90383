"""A Triton server of one's own with one model, by its URI."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import click

from mlflow_backend import metadata
from mlflow_backend.errors import BackendError
from mlflow_backend_utils.config.options import ConfigOptions
from mlflow_backend_utils.messages.errors import BuildError, InputError
from mlflow_backend_utils.messages.steps import Steps
from mlflow_backend_utils.provision import environments, parts, repository, requirements, versions, workspace
from mlflow_backend_utils.server.triton_server import ServerError, TritonServer
from mlflow_backend_utils.store import errors, fetch

_NOT_LOADED = re.compile(r"failed to load '[^']*' version \d+: (.*)")
# As the server writes it within a line of its log.
_NEW_LINE = r"\n"


class Wanted(NamedTuple):
    """What to serve, and with what.

    Attributes:
      uri: of the model.
      config: of the model in the server; `env_path` is set here.
      given: parts that need not be built.
      python_version: `X.Y`; None: what the model was saved with.
      triton_version: `YY.MM`.
      lock: the environment's; None: the model's own requirements are locked.
      http_port: of the server; None: any free one.
      grpc_port: of the server; None: any free one.
    """

    uri: str
    config: ConfigOptions
    given: parts.Given
    python_version: str | None
    triton_version: str
    lock: Path | None = None
    http_port: int | None = None
    grpc_port: int | None = None


class Session(NamedTuple):
    """A server that runs.

    Attributes:
      server: the server.
      repository: its model repository.
      name: the model's name.
    """

    server: TritonServer
    repository: Path
    name: str


@contextlib.contextmanager
def running(wanted: Wanted, steps: Steps, environ: Mapping[str, str] = os.environ) -> Iterator[Session]:
    """The server, with the model ready; it is stopped at the end and leaves nothing but the cache.

    Raises:
      BuildError: something cannot be fetched or built, or the server does not start.
      InputError: what is wanted cannot be served.
    """
    with tempfile.TemporaryDirectory(prefix="mlflow-serve-") as scratch, _told():
        with steps.step("fetching the model"):
            downloads = Path(scratch, "download")
            downloads.mkdir()
            folder = Path(fetch.fetch(wanted.uri, downloads, environ).folder)
            model = metadata.read(folder)
        models, built = _prepare(wanted, model, Path(scratch), steps, environ)
        server = TritonServer(
            models,
            built.tritonserver,
            [built.backend],
            http_port=wanted.http_port,
            grpc_port=wanted.grpc_port,
            ready_seconds=600,
            stop_seconds=40,
        )
        with contextlib.ExitStack() as stack:
            with steps.step("starting the server"):
                try:
                    stack.enter_context(server)
                except ServerError as error:
                    click.echo(str(error), err=True)
                    raise BuildError(_reason(error, server.log_text())) from None
            yield Session(server, models, wanted.config.name)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Errors of libraries as errors of a command."""
    try:
        yield
    except (errors.FetchError, errors.MissingPackageError) as error:
        raise BuildError(str(error)) from error
    except (errors.StoreError, BackendError, FileNotFoundError) as error:
        raise InputError(str(error)) from error


def _reason(error: ServerError, log: str) -> str:
    """Why a server did not start, in a line."""
    found = _NOT_LOADED.search(log)
    if found is None:
        return str(error).partition("\n")[0]
    return f"the server does not load the model: {found[1].partition(_NEW_LINE)[0].rstrip(chr(34))}"


def _prepare(
    wanted: Wanted, model: metadata.ModelMetadata, scratch: Path, steps: Steps, environ: Mapping[str, str]
) -> tuple[Path, parts.Parts]:
    """The repository, and the parts of the server."""
    supported = tuple(versions.python_versions())
    python_version = requirements.python_version(model, wanted.python_version, supported)
    with steps.step("building server, backend and stub"):
        checkout = _checkout(wanted, environ)
        built = parts.gather(wanted.given, python_version, wanted.triton_version, checkout)
    with steps.step("building the environment"):
        env = _environment(wanted, model, built, environ)
    config = replace(wanted.config, env_path=str(env.resolve()))
    return repository.lay_out(scratch / "models", model.folder, built.stub, config), built


def _checkout(wanted: Wanted, environ: Mapping[str, str]) -> Path | None:
    try:
        return workspace.find_workspace(wanted.given.workspace, environ, Path.cwd())
    except InputError:
        if wanted.given.workspace:
            raise
        return None


def _environment(wanted: Wanted, model: metadata.ModelMetadata, built: parts.Parts, environ: Mapping[str, str]) -> Path:
    if wanted.given.env:
        return wanted.given.env
    assert built.runtime is not None
    if wanted.lock:
        return environments.of_lock(wanted.lock, built.runtime, environ)
    return environments.of_requirements(requirements.text(model), built.runtime, environ)
