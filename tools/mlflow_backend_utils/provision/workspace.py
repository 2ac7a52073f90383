"""Builds targets of this project's workspace through its own `bazelw`."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlflow_backend_utils.messages.errors import BuildError, InputError

STUB = "//stub:triton_python_backend_stub"


def find_workspace(given: Path | None, environ: Mapping[str, str], start: Path) -> Path:
    """The checkout to build in.

    Args:
      given: what the user named; None to look for it.
      environ: environment variables; `bazel run` names the workspace in one.
      start: the folder to look upwards from.

    Raises:
      InputError: there is none.
    """
    named = given or (Path(environ["BUILD_WORKSPACE_DIRECTORY"]) if "BUILD_WORKSPACE_DIRECTORY" in environ else None)
    for folder in [named] if named else [start, *start.parents]:
        if (folder / "bazelw").exists() and (folder / "stub").is_dir():
            return folder
    where = named or f"{start} and the folders above it"
    raise InputError(f"{where}: no checkout of this project (bazelw, stub/). Run inside one, or give --workspace")


def _bazel(workspace: Path, arguments: Sequence[str], capture: bool = False) -> str:
    """Run bazelw; what it prints if captured, else it prints for itself."""
    done = subprocess.run(
        [workspace / "bazelw", *arguments],
        cwd=workspace,
        stdout=subprocess.PIPE if capture else None,
        stderr=subprocess.PIPE if capture else None,
        text=True,
    )
    if done.returncode:
        raise BuildError(f"bazelw {' '.join(arguments)} failed with status {done.returncode}")
    return done.stdout or ""


def settings(python_version: str, triton_version: str) -> list[str]:
    """Bazel's flags for a Python, `X.Y`, and a Triton release, `YY.MM`."""
    return [f"--//config:python_version={python_version}", f"--//config:triton_version={triton_version}"]


def build_files(workspace: Path, flags: Sequence[str], targets: Sequence[str]) -> dict[str, list[Path]]:
    """Build targets; the files that each of them gives.

    Args:
      workspace: a checkout.
      flags: of the build.
      targets: their labels.

    Raises:
      BuildError: the build failed; Bazel has said why.
    """
    _bazel(workspace, ["build", *flags, *targets])
    roots = dict(
        line.split(": ", 1) for line in _bazel(workspace, ["info", "execution_root", "output_base"], True).splitlines()
    )
    found: dict[str, list[Path]] = {target: [] for target in targets}
    for target in targets:
        listing = _bazel(workspace, ["cquery", *flags, "--output=files", target], capture=True)
        for name in listing.split("\n"):
            if name:
                # The links to external repositories in the execution root are those of the last build only.
                root = roots["output_base"] if name.startswith("external/") else roots["execution_root"]
                found[target].append(Path(root, name))
    return found


def build_stub(workspace: Path, python_version: str, triton_version: str, output: Path) -> None:
    """Build the stub for a Python and a Triton version and copy it to `output`, mode 0755.

    Args:
      workspace: a checkout.
      python_version: `X.Y`.
      triton_version: `YY.MM`.
      output: the file to write, or a folder to write it into.

    Raises:
      BuildError: the build failed; Bazel has said why.
      InputError: `output` cannot be written.
    """
    (built,) = build_files(workspace, settings(python_version, triton_version), [STUB])[STUB]
    target = output / built.name if output.is_dir() else output
    try:
        partial = target.with_name(target.name + ".partial")
        shutil.copyfile(built, partial)
        os.chmod(partial, 0o755)
        partial.replace(target)
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}") from error
