"""`mlflow-backend-utils models`: fetch models by URI, and keep them.

What does the work is imported when a command runs, so that other commands start as fast as before.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlflow_backend_utils.cli.progress import of_bytes
from mlflow_backend_utils.messages.errors import BuildError, InputError

if TYPE_CHECKING:
    from mlflow_backend_utils.store.progress import Progress
    from mlflow_backend_utils.store.store import Model, Store

_PATH = click.Path(path_type=Path)
_STORE_OPTION = click.option(
    "--store",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="MLFLOW_BACKEND_STORE",
    show_envvar=True,
    help="Folder of the store. Default: mlflow-backend/models below the user's data folder ($XDG_DATA_HOME).",
)
_NAME = "NAME[:TAG]"


@click.group()
def models() -> None:
    """Keep MLflow models: content-addressed, each file once, safe for many processes."""


def _open(folder: Path | None) -> Store:
    from mlflow_backend_utils.store import store

    return store.Store(folder or store.default_folder(os.environ))


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Errors of the store as errors of a command."""
    from mlflow_backend_utils.store import errors

    try:
        yield
    except (errors.FetchError, errors.MissingPackageError) as error:
        raise BuildError(str(error)) from error
    except errors.StoreError as error:
        raise InputError(str(error)) from error
    except OSError as error:
        raise BuildError(f"{error.filename or 'input or output'}: {error.strerror or error}") from error


@contextlib.contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal, else nothing."""
    from mlflow_backend_utils.store.progress import Silent

    if not sys.stderr.isatty():
        yield Silent()
        return
    with of_bytes() as bar:
        task = bar.add_task("")

        class Bar:
            """The current file or folder."""

            def begin(self, what: str, total: int | None = None) -> None:
                bar.reset(task, total=total, description=what)

            def advance(self, size: int) -> None:
                bar.advance(task, size)

        yield Bar()


def _size(count: int) -> str:
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def _line(model: Model) -> str:
    return f"{model.reference}  sha256:{model.digest}  {model.files} files, {_size(model.bytes)}"


@models.command("import")
@click.argument("name", metavar=_NAME)
@click.argument("uri")
@click.option("--max-bytes", type=click.IntRange(min=1), help="Most bytes of all files together. Default: 64 GiB.")
@click.option("--max-files", type=click.IntRange(min=1), help="Most files. Default: 100000.")
@_STORE_OPTION
def import_(name: str, uri: str, max_bytes: int | None, max_files: int | None, folder: Path | None) -> None:
    """Fetch the model at URI and keep it as NAME[:TAG]; without a tag, as NAME:latest.

    URI is a local folder or archive, runs:/RUN_ID/PATH, models:/NAME/VERSION, models:/NAME/STAGE, models:/NAME@ALIAS,
    models:/MODEL_ID, mlflow-artifacts:/PATH, s3://BUCKET/KEY, or http(s)://HOST/PATH of an archive or of an MLflow
    artifact proxy.
    """
    from mlflow_backend_utils.store import importing, limits, reference

    # MLflow's bars would run into ours.
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    budget = limits.Budget(max_bytes or limits.DEFAULT_MAX_BYTES, max_files or limits.DEFAULT_MAX_FILES)
    with _told(), _progress() as progress:
        wanted = reference.parse(name)
        model = importing.import_model(_open(folder), wanted, uri, os.environ, budget, progress)
    click.echo(_line(model))


@models.command("list")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="Form.")
@_STORE_OPTION
def list_(output: str, folder: Path | None) -> None:
    """Show every model."""
    with _told():
        found = _open(folder).models()
    if output == "json":
        click.echo(json.dumps([model.to_json() for model in found], indent=2))
        return
    head = ("MODEL", "SHA256", "SIZE", "IMPORTED", "FLAVORS", "URI")
    rows = [
        (
            str(model.reference),
            model.digest[:12],
            _size(model.bytes),
            model.imported,
            ",".join(model.metadata.get("mlmodel", {}).get("flavors", [])),
            model.uri,
        )
        for model in found
    ]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, *rows]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _get_path(store: Store, name: str) -> str:
    from mlflow_backend_utils.store import reference

    return store.path(reference.parse(name))


def _get_json(store: Store, name: str) -> str:
    from mlflow_backend_utils.store import reference

    return json.dumps(store.get(reference.parse(name)).to_json(), indent=2)


_FORMS: dict[str, Callable[[Any, str], str]] = {"json": _get_json, "path": _get_path}


@models.command("get")
@click.argument("name", metavar=_NAME)
@click.option(
    "-o",
    "--output",
    type=click.Choice(sorted(_FORMS)),
    default="json",
    show_default=True,
    help="What to print: all that is known, or the path of a read-only folder with the model.",
)
@_STORE_OPTION
def get(name: str, output: str, folder: Path | None) -> None:
    """Print what is known of a model (run, parameters, metrics, tags), or where it is."""
    with _told():
        click.echo(_FORMS[output](_open(folder), name))


@models.command("delete")
@click.argument("name", metavar=_NAME)
@_STORE_OPTION
def delete(name: str, folder: Path | None) -> None:
    """Forget a model, and remove the files that no other one has."""
    from mlflow_backend_utils.store import reference

    with _told():
        _open(folder).delete(reference.parse(name))


@models.command("export")
@click.argument("name", metavar=_NAME)
@click.argument("output_path", type=_PATH)
@_STORE_OPTION
def export(name: str, output_path: Path, folder: Path | None) -> None:
    """Copy a model to OUTPUT_PATH: an archive where that ends with .tar.gz, .tgz or .zip, else a folder."""
    from mlflow_backend_utils.store import reference

    with _told():
        model = _open(folder).export(reference.parse(name), output_path)
    click.echo(f"{output_path}  sha256:{model.digest}")
