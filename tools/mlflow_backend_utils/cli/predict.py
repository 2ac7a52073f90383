"""`predict`: answers of a model to every row of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mlflow_backend_utils.cli.serving_options import serving_options, wanted

_KINDS = ("csv", "json", "jsonl", "parquet")


@click.command("predict")
@serving_options
@click.option(
    "-i",
    "--input-path",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with the rows: .csv, .json (a body of the scoring protocol), .jsonl (an object a line), or .parquet.",
)
@click.option(
    "-o",
    "--output-path",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write: .csv, or .json as the scoring protocol answers. It appears whole or not at all.",
)
@click.option("--input-type", type=click.Choice(_KINDS), help="Default: by the file's name.")
@click.option("--output-type", type=click.Choice(("csv", "json")), help="Default: by the file's name.")
@click.option(
    "--rows", default=1024, show_default=True, type=click.IntRange(min=1), help="Rows that are read and asked at once."
)
def predict(
    input_path: Path,
    output_path: Path,
    input_type: str | None,
    output_type: str | None,
    rows: int,
    **given: Any,
) -> None:
    """Write a model's answers to all rows of a file, on a Triton server of its own, in memory that does not grow."""
    from mlflow_backend_utils.batch import formats, run
    from mlflow_backend_utils.cli.progress import bar
    from mlflow_backend_utils.messages.steps import Steps
    from mlflow_backend_utils.provision import session

    reader = formats.reader(input_path, input_type)
    writer = formats.writer(output_path, output_type)
    with session.running(wanted(given), Steps()) as served, bar(input_path.name, input_path.stat().st_size) as advance:
        count = run.run(reader(input_path, rows), writer, output_path, served, advance)
    click.echo(f"{output_path}: answers to {count} rows", err=True)
