"""Lays out the folder a server finds its backends in: its own Python backend, and ours beside it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

# Folder of shared libraries in a wheel that holds a server; backends look for it by a relative path.
_WHEEL_LIBRARIES = "nvidia_pytriton.libs"
_STUB = "triton_python_backend_stub"
# The server refuses to load a Python model while there is no stub beside its library, even where the model brings its
# own. This one only says so: no model can run on it by accident.
NO_STUB = f"The model brings no {_STUB} of its own."
_PLACEHOLDER = f"""#!/bin/sh
echo "{NO_STUB}" >&2
exit 1
"""


def compose(tritonserver: Path, backends: Sequence[Path], folder: Path) -> Path:
    """Lay out a backend directory below `folder`.

    Args:
      tritonserver: the server's program, in `bin/` of its installation.
      backends: folders of Python-based backends; each is named like its backend.
      folder: an existing folder to work in.

    Returns:
      The path for `--backend-directory`. Its depth below `folder` is that of backends in a wheel, so that libraries
      which find others by a relative path find them.

    Raises:
      FileNotFoundError: the installation has no Python backend, or a backend has no model.py.
    """
    installation = tritonserver.resolve().parent.parent
    source = installation / "backends" / "python"
    if not (source / "libtriton_python.so").exists():
        raise FileNotFoundError(f"{installation}: no backends/python/libtriton_python.so, which runs Python models")
    top = folder / "server" / "pytriton" / "tritonserver" / "backends"
    python = top / "python"
    shutil.copytree(source, python)
    libraries = installation.parent.parent / _WHEEL_LIBRARIES
    if libraries.is_dir():
        os.symlink(libraries, folder / "server" / _WHEEL_LIBRARIES)
    stub = python / _STUB
    if not stub.exists():
        stub.write_text(_PLACEHOLDER, encoding="utf-8")
        stub.chmod(0o755)
    for backend in backends:
        if not (backend / "model.py").exists():
            raise FileNotFoundError(f"{backend}: no model.py; give the folder of a Python-based backend")
        shutil.copytree(backend, top / backend.name)
    return top
