"""What MLflow itself answers: the yardstick for the answers of a server.

usage: expected.py [--model DIR …] [--models DIR] [--many N] --out FILE

Run by the interpreter of the model's environment, as a file: it imports the standard library and what the environment
brings. It loads the model with mlflow.pyfunc and predicts on variants of the model's input example:

    example   as saved
    missing   with a missing value (NaN) in its first floating-point value; absent if it has none
    empty     without rows
    many      repeated to N rows, 10,000 if not said, or fewer of a model with large rows; absent with 0

FILE gets JSON: an object that has for each model, by its folder as given, an object that has for each variant `inputs`,
and `outputs` or `error`. With --models it is a folder with such an object in `NAME.json` for each model below DIR.
Inputs and outputs are lists of `name` ("" when the model does not name it), `dtype` (as NumPy writes it, or "text",
"bytes", "datetime", "json"), `shape` and `values`: base64 of the little-endian bytes for numbers, else a list of
strings (base64 of bytes; JSON documents).
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
import tempfile
from typing import Any

import numpy as np

MANY = 10_000
# Of the variant with many rows, as the example's text has it.
_MOST_BYTES = 16 << 20
# What MLflow writes into the metadata of models that chat: a request and its answer are one row, each a dict.
_CHAT_TASKS = ("agent/v1/chat", "agent/v1/responses", "agent/v2/chat")


def encode(name: str, values: Any) -> dict[str, Any]:
    """One tensor as JSON; see the head of this file."""
    array = np.asarray(values)
    if array.dtype.kind in "biuf":
        raw = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"))).tobytes()
        data: Any = base64.b64encode(raw).decode()
        return {"name": name, "dtype": array.dtype.name, "shape": list(array.shape), "values": data}
    if array.dtype.kind == "M":
        kind, cells = "datetime", [str(np.datetime_as_string(cell)) for cell in array.ravel()]
    elif array.dtype.kind == "S" or all(isinstance(cell, bytes) for cell in array.ravel()) and array.size:
        kind, cells = "bytes", [base64.b64encode(bytes(cell)).decode() for cell in array.ravel()]
    elif all(isinstance(cell, str) for cell in array.ravel()):
        kind, cells = "text", [str(cell) for cell in array.ravel()]
    else:
        kind, cells = "json", [json.dumps(_plain(cell)) for cell in array.ravel()]
    return {"name": name, "dtype": kind, "shape": list(array.shape), "values": cells}


def _plain(value: Any) -> Any:
    """`value` with NumPy's types replaced by Python's."""
    if isinstance(value, dict):
        return {str(key): _plain(child) for key, child in value.items()}
    if hasattr(value, "model_dump"):
        return _plain(value.model_dump())
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(child) for child in value]
    return value.item() if isinstance(value, np.generic) else value


def column(cells: list[Any]) -> Any:
    """Cells as one array; NumPy alone would make lists in them further axes."""
    if not any(isinstance(cell, (dict, list)) for cell in cells):
        return np.asarray(cells)
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return array


def tensors(data: Any) -> list[dict[str, Any]]:
    """The tensors in whatever pyfunc takes or gives: frames and dicts by name, anything else as one."""
    if hasattr(data, "columns"):
        return [encode(str(name), data[name].to_numpy()) for name in data.columns]
    if isinstance(data, dict):
        # In a record a list is one value.
        record = any(isinstance(value, (dict, str, int, float)) for value in data.values())
        return [
            encode(str(key), column([value]) if record and isinstance(value, (dict, list)) else value)
            for key, value in data.items()
        ]
    if hasattr(data, "to_numpy"):
        data = data.to_numpy()
    elif hasattr(data, "toarray"):
        data = data.toarray()
    elif isinstance(data, str):
        data = [data]
    return [encode("", data)]


def named(result: Any, names: list[Any]) -> Any:
    """A result that has several outputs, but not by name or row by row, as a dict."""
    if isinstance(result, tuple) and len(result) == len(names) > 1:
        return dict(zip(names, result, strict=True))
    if isinstance(result, list) and len(names) > 1 and result and isinstance(result[0], dict):
        # An output that is not required may be missing.
        return {name: column([row[name] for row in result]) for name in names if name in result[0]}
    return result


def row(record: dict[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """A row given as a dict of values, as one of columns with one value each."""
    columns = {}
    for name, value in record.items():
        columns[name] = np.empty(1, dtype=object if isinstance(value, (str, list, dict)) else np.asarray(value).dtype)
        columns[name][0] = value
    return columns


def chat_answer(model: Any, example: dict[str, Any]) -> dict[str, Any]:
    """As `answer`, of a model that answers one row."""
    result = model.predict(example)
    is_document = not model.metadata.get_output_schema().has_input_names()
    return {"inputs": tensors(row(example)), "outputs": tensors([result] if is_document else row(result))}


def with_missing_value(example: Any) -> Any:
    """A copy of `example` with NaN in its first floating-point value; None if it has none."""
    copy = example.copy()
    if hasattr(copy, "columns"):
        for position, column in enumerate(copy.columns):
            if copy[column].dtype.kind == "f" and len(copy):
                copy.iloc[0, position] = float("nan")
                return copy
        return None
    if isinstance(copy, dict):
        for key, value in copy.items():
            array = np.array(value)
            if array.dtype.kind == "f" and array.size:
                array.flat[0] = float("nan")
                return {**copy, key: array}
        return None
    if isinstance(copy, np.ndarray) and copy.dtype.kind == "f" and copy.size:
        copy.flat[0] = float("nan")
        return copy
    return None


def with_rows(example: Any, rows: int) -> Any:
    """`example` cut or repeated to `rows` rows; None where rows have no meaning."""
    if hasattr(example, "columns"):
        order = np.arange(rows) % max(len(example), 1)
        return example.iloc[order].reset_index(drop=True)
    if isinstance(example, np.ndarray) and example.ndim:
        return example[np.arange(rows) % max(len(example), 1)]
    if isinstance(example, dict) and all(np.ndim(value) for value in example.values()):
        return {key: with_rows(np.asarray(value), rows) for key, value in example.items()}
    return None


def answer(model: Any, data: Any) -> dict[str, Any]:
    """`inputs`, and `outputs` or `error`, of one prediction."""
    case: dict[str, Any] = {"inputs": tensors(data)}
    try:
        schema = model.metadata.get_output_schema()
        case["outputs"] = tensors(named(model.predict(data), schema.input_names() if schema else []))
    except Exception as error:
        case["error"] = f"{type(error).__name__}: {error}"
    return case


def answers(folder: str, many: int) -> dict[str, Any]:
    """Every variant's answer of the model in `folder`; `many`: rows of the variant of that name.

    Raises:
      ValueError: the model has no input example.
    """
    import mlflow.pyfunc
    import mlflow.tracing

    # MLflow 2 would make a folder for traces below the working directory.
    mlflow.tracing.disable()
    model = mlflow.pyfunc.load_model(folder)
    example = model.metadata.load_input_example(folder)
    if example is None:
        raise ValueError(f"{folder}: the model has no input example; save it with input_example=…")
    if (model.metadata.metadata or {}).get("task") in _CHAT_TASKS:
        return {"example": chat_answer(model, example)}
    variants = {"example": example, "empty": with_rows(example, 0)}
    if many:
        # Saved with the model, of all its rows.
        size = max(len(json.dumps(tensors(example))), 1)
        variants["many"] = with_rows(example, min(many, max(_MOST_BYTES // size, 2)))
    if hasattr(example, "copy"):
        variants["missing"] = with_missing_value(example)
    return {name: answer(model, data) for name, data in variants.items() if data is not None}


def main(argv: list[str]) -> int:
    """Command line entry; see the head of this file."""
    parser = argparse.ArgumentParser(description="Predict on variants of a model's input example.")
    parser.add_argument("--model", default=[], action="append", help="folder of a saved MLflow model")
    parser.add_argument("--models", help="folder with the folders of saved MLflow models")
    parser.add_argument("--many", type=int, default=MANY, help="rows of the variant 'many'")
    parser.add_argument("--out", required=True, help="JSON file to write")
    options = parser.parse_args(argv)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HOME"] = scratch
        if options.models:
            for name in sorted(os.listdir(options.models)):
                write(
                    os.path.join(options.out, name + ".json"), answers(os.path.join(options.models, name), options.many)
                )
        else:
            write(options.out, {folder: answers(folder, options.many) for folder in options.model})
    return 0


def write(path: str, document: Any) -> None:
    """A JSON file."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
