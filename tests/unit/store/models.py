"""Small model folders."""

import pathlib

MLMODEL = """\
flavors:
  python_function: {loader_module: mlflow.sklearn}
  sklearn: {pickled_model: model.pkl}
mlflow_version: 3.17.2
"""


def write(folder: pathlib.Path, **files: str) -> pathlib.Path:
    """A model folder with `MLmodel`, `model.pkl`, and others by name (`__` for a slash)."""
    for name, text in {"MLmodel": MLMODEL, "model.pkl": "weights", **files}.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def content(folder: pathlib.Path) -> dict[str, bytes]:
    """Path to bytes of every file below `folder`."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
