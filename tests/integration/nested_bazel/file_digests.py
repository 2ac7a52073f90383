"""What a build made, as text: path, kind and sha256 of each file, to compare two builds by."""

import hashlib
import os
import pathlib
from collections.abc import Iterable


def file_digests(outputs: Iterable[pathlib.Path]) -> dict[str, str]:
    """Path to sha256 of every file in `outputs` (files or folders; links are followed).

    A path starts with the name of its output; ` (executable)` follows the digest where the owner may run the file.

    Raises:
      FileNotFoundError: an output is missing.
    """
    digests = {}
    for output in outputs:
        if not output.exists():
            raise FileNotFoundError(f"output {output} is missing")
        if not output.is_dir():
            digests[output.name] = _digest(output)
            continue
        for folder, folders, names in os.walk(output, followlinks=True):
            folders.sort()
            for name in names:
                path = pathlib.Path(folder, name)
                digests[f"{output.name}/{path.relative_to(output)}"] = _digest(path)
    return digests


def _digest(path: pathlib.Path) -> str:
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            sha256.update(block)
    return sha256.hexdigest() + (" (executable)" if os.access(path, os.X_OK) else "")


def differences(first: dict[str, str], second: dict[str, str]) -> list[str]:
    """One line for each path whose digest is not the same in both; empty when all agree."""
    return [
        f"{path}: {first.get(path, 'missing')} / {second.get(path, 'missing')}"
        for path in sorted(first.keys() | second.keys())
        if first.get(path) != second.get(path)
    ]
