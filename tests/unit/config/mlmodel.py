"""MLmodel files for the tests of the config writer, written without MLflow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

COLUMNS = [
    {"type": "double", "name": "x", "required": True},
    {"type": "string", "name": "note", "required": False},
]
OUTPUTS = [{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]


def write(
    folder: Path,
    inputs: list[dict[str, Any]] | None = COLUMNS,
    outputs: list[dict[str, Any]] | None = OUTPUTS,
    params: list[dict[str, Any]] | None = None,
    example: dict[str, Any] | None = None,
    own: dict[str, Any] | None = None,
) -> Path:
    """An MLmodel in `folder`, which is returned."""
    parts = {"inputs": inputs, "outputs": outputs, "params": params}
    document: dict[str, Any] = {
        "flavors": {"python_function": {"loader_module": "mlflow.sklearn"}},
        "metadata": own,
        "signature": {part: None if specs is None else json.dumps(specs) for part, specs in parts.items()},
    }
    if example is not None:
        document["saved_input_example_info"] = example
    # JSON is YAML.
    (folder / "MLmodel").write_text(json.dumps(document), encoding="utf-8")
    return folder
