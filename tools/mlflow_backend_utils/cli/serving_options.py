"""Options of the commands that start a server of their own."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from mlflow_backend_utils.provision.session import Wanted

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
_PORT = click.IntRange(0, 65535)

_OPTIONS = (
    click.option("-m", "--model-uri", required=True, help="The model; `models import --help` lists the kinds of URI."),
    click.option("--name", default="", help="The model's name in Triton. Empty: from the URI."),
    click.option(
        "--max-batch-size", default=64, show_default=True, type=click.IntRange(min=0), help="Rows of one predict."
    ),
    click.option(
        "--instances", default=1, show_default=True, type=click.IntRange(min=1), help="Processes that have the model."
    ),
    click.option("--python-version", help="Python of the model's environment, X.Y. Default: what saved the model."),
    click.option(
        "--requirements", type=_FILE, help="Hashed lock of the environment. Default: the model's own, locked."
    ),
    click.option(
        "--env",
        type=click.Path(path_type=Path, exists=True),
        help="An environment: conda-pack's, as folder or archive.",
    ),
    click.option("--stub", type=_FILE, help="A triton_python_backend_stub. Default: built here."),
    click.option("--backend", type=_FOLDER, help="Folder of the mlflow backend. Default: the server's, or built here."),
    click.option("--tritonserver", type=_FILE, help="The server's program. Default: in PATH, else that of the tests."),
    click.option("--triton-version", default="24.10", show_default=True, help="Release of the server."),
    click.option("--workspace", type=_FOLDER, help="Checkout of this project. Default: the one you are in."),
    click.option("--http-port", default=0, type=_PORT, help="Triton's HTTP port. Default: any free one."),
    click.option("--grpc-port", default=0, type=_PORT, help="Triton's gRPC port. Default: any free one."),
)


def serving_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options; the command gets them as keywords, for `wanted`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def wanted(given: dict[str, Any]) -> Wanted:
    """What the options ask for.

    Raises:
      InputError: a version is not supported.
    """
    from mlflow_backend_utils.config.options import ConfigOptions
    from mlflow_backend_utils.provision import parts, session, versions

    python = given["python_version"]
    config = ConfigOptions(
        name=given["name"] or _name(given["model_uri"]),
        max_batch_size=given["max_batch_size"],
        dynamic_batching=given["max_batch_size"] > 0,
        instance_count=given["instances"],
        answer_form=True,
    )
    return session.Wanted(
        uri=given["model_uri"],
        config=config,
        given=parts.Given(given["tritonserver"], given["backend"], given["stub"], given["env"], given["workspace"]),
        python_version=versions.python_version(python) if python else None,
        triton_version=versions.triton_version(given["triton_version"]),
        lock=given["requirements"],
        http_port=given["http_port"] or None,
        grpc_port=given["grpc_port"] or None,
    )


def _name(uri: str) -> str:
    """A name for a model: of its registered name, or the last part of its place."""
    path = uri.partition("?")[0].rstrip("/")
    match = re.match(r"models:/+([^/@]+)", path)
    last = match.group(1) if match else path.rpartition("/")[2].partition(".")[0]
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", last).strip("._-") or "model"
