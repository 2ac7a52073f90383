"""`mlflow-backend-utils`: the steps from an MLflow model to a Triton model repository, one command each.

Wrong input gives one line on stderr and exit status 2; a build that fails gives exit status 1.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from mlflow_backend_utils.cli import gateway, models, predict, serve
from mlflow_backend_utils.config.options import ENV_PATH, ConfigError, ConfigOptions
from mlflow_backend_utils.config.writer import render_config
from mlflow_backend_utils.messages.errors import InputError
from mlflow_backend_utils.provision import versions, workspace

_NAME = "mlflow-backend-utils"
_PATH = click.Path(path_type=Path)
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.group(name=_NAME, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def cli() -> None:
    """Turn an MLflow model into something a Triton Inference Server serves."""


def environment_path(conda_pack_path: str) -> str:
    """What `config.pbtxt` says of an environment: a relative path is meant from the model's folder."""
    if not conda_pack_path or conda_pack_path.startswith(("/", "$$")):
        return conda_pack_path
    return "$$TRITON_MODEL_DIRECTORY/" + conda_pack_path.removeprefix("./")


@cli.command("build-config")
@click.option("--model-path", required=True, type=_FOLDER, help="Folder of the MLflow model, the one with MLmodel.")
@click.option(
    "--conda-pack-path",
    default=ENV_PATH,
    show_default=True,
    help="The execution environment as the server sees it; a relative path is meant from the model's folder. "
    "Empty: none.",
)
@click.option(
    "--default-max-batch-size",
    default=64,
    show_default=True,
    type=click.IntRange(min=0),
    help="Most rows that one call of predict gets; 0: the server does not batch.",
)
@click.option("--streaming", is_flag=True, help="Answers in pieces: the decoupled transaction policy.")
@click.option("--warm-up", is_flag=True, help="The model answers its input example before it is ready.")
@click.option("--answer-form", is_flag=True, help="One more output tells the form of an answer, for gateways.")
@click.option("--response-cache", is_flag=True, help="Repeated requests are answered from the server's cache.")
@click.option("--name", default="", help="The model's name in Triton. Empty: its folder's name.")
@click.option("--output-path", type=_PATH, help="File to write instead of the standard output.")
def build_config(
    model_path: Path,
    conda_pack_path: str,
    default_max_batch_size: int,
    streaming: bool,
    warm_up: bool,
    answer_form: bool,
    response_cache: bool,
    name: str,
    output_path: Path | None,
) -> None:
    """Write config.pbtxt for an MLflow model, from its signature."""
    options = ConfigOptions(
        name=name,
        max_batch_size=default_max_batch_size,
        env_path=environment_path(conda_pack_path),
        dynamic_batching=default_max_batch_size > 0,
        streaming=streaming,
        warm_up=warm_up,
        answer_form=answer_form,
        response_cache=response_cache,
    )
    try:
        text = render_config(model_path, options)
        if output_path:
            output_path.write_text(text, encoding="utf-8")
    except ConfigError as error:
        raise InputError(str(error)) from error
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}") from error
    if not output_path:
        click.echo(text, nl=False)


@cli.command("build-env")
@click.option("--python-version", required=True, help="Python of the environment, X.Y.")
@click.option(
    "--requirements",
    required=True,
    type=_FILE,
    help="Hashed requirement lock: `uv pip compile --generate-hashes --python-version X.Y.Z requirements.in`.",
)
@click.option("--output-path", required=True, type=_PATH, help="Archive to write, a .tar.gz.")
@click.option(
    "--platform", default="manylinux_2_28_x86_64", show_default=True, help="Newest platform tag that the server runs."
)
@click.option("--exclude", multiple=True, help="Pattern of paths to leave out, such as '*/tests/*'. Repeatable.")
def build_env(
    python_version: str, requirements: Path, output_path: Path, platform: str, exclude: tuple[str, ...]
) -> None:
    """Build an execution environment in conda-pack's layout from a requirement lock."""
    # What packs environments takes a quarter of the time of `build-config` to import.
    from mlflow_backend_utils.provision import packing

    supported = versions.python_version(python_version)
    packing.build_environment(supported, requirements, platform, output_path, exclude)
    click.echo(f"{output_path}: {output_path.stat().st_size / 1e6:.0f} MB", err=True)


@cli.command("build-stub")
@click.option("--python-version", required=True, help="Python of the model's environment, X.Y.")
@click.option("--triton-version", required=True, help="Release of the server, such as r24.10.")
@click.option("--output-path", required=True, type=_PATH, help="File to write, or a folder to write it into.")
@click.option("--workspace", "given", type=_FOLDER, help="Checkout of this project. Default: the one you are in.")
def build_stub(python_version: str, triton_version: str, output_path: Path, given: Path | None) -> None:
    """Build triton_python_backend_stub for a Python and a Triton version."""
    python, triton = versions.python_version(python_version), versions.triton_version(triton_version)
    folder = workspace.find_workspace(given, os.environ, Path.cwd())
    workspace.build_stub(folder, python, triton, output_path)


cli.add_command(gateway.gateway)
cli.add_command(models.models)
cli.add_command(predict.predict)
cli.add_command(serve.serve)


def main() -> None:
    """Command line entry."""
    # `bazel run` starts programs in a folder of its own; paths are meant from where the user is.
    os.chdir(os.environ.get("BUILD_WORKING_DIRECTORY", "."))
    try:
        cli.main(prog_name=_NAME, standalone_mode=False)
    except click.ClickException as error:
        print(f"{_NAME}: {' '.join(error.format_message().split())}", file=sys.stderr)
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)


if __name__ == "__main__":
    main()
