"""The environment that a model runs in: its requirements locked, its lock packed, both once."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from mlflow_backend_utils.env import resolve
from mlflow_backend_utils.messages.errors import BuildError
from mlflow_backend_utils.provision import cache, packing

_PLATFORM = "manylinux_2_28_x86_64"
# Goes up when the same lock would give another environment.
_LAYOUT = "1"


def of_requirements(requirements: str, runtime: Path, environ: Mapping[str, str]) -> Path:
    """The folder of an environment that meets the lines of a requirements file.

    The versions chosen for them stay until the cache is emptied.

    Args:
      requirements: the lines.
      runtime: a relocatable CPython prefix.

    Raises:
      BuildError: no set of wheels meets them.
    """
    full = _full_version(runtime)

    def make(path: Path) -> None:
        source = path.with_suffix(".in")
        source.write_text(requirements, encoding="utf-8")
        try:
            resolve.compile_lock(source, path, full)
        except resolve.ResolveError as error:
            raise BuildError(str(error)) from None
        finally:
            source.unlink()

    key = cache.key(requirements, full, _PLATFORM)
    return of_lock(cache.kept(cache.folder(environ) / "locks" / f"{key}.lock", make), runtime, environ)


def of_lock(lock: Path, runtime: Path, environ: Mapping[str, str]) -> Path:
    """The folder of the environment of a lock.

    Args:
      lock: with hashes.
      runtime: a relocatable CPython prefix.

    Raises:
      InputError: the lock cannot serve.
    """
    packing.check_lock(lock)
    full = _full_version(runtime)

    def make(path: Path) -> None:
        packing.pack_environment(runtime, full, lock, _PLATFORM, out_folder=path)

    key = cache.key(lock.read_text(encoding="utf-8"), full, _PLATFORM, _LAYOUT)
    return cache.kept(cache.folder(environ) / "environments" / key, make)


def _full_version(runtime: Path) -> str:
    """`X.Y.Z` of the CPython in a prefix."""
    script = "import sys; print('.'.join(map(str, sys.version_info[:3])))"
    done = subprocess.run(
        [runtime / "bin" / "python3", "-I", "-c", script], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BuildError(f"the Python in {runtime} does not start: {done.stderr.strip()}")
    return done.stdout.strip()
