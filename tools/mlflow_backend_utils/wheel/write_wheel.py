"""Writes a wheel of pure Python modules; the same input always gives the same bytes.

usage: write_wheel --output FILE.whl --metadata METADATA --entry_points FILE [--root FOLDER …] MODULE…
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import Path

_TIME = (1980, 1, 1, 0, 0, 0)
_WHEEL = "Wheel-Version: 1.0\nGenerator: mlflow_backend\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def files(paths: Iterable[Path], roots: Iterable[str]) -> dict[str, bytes]:
    """Name in the wheel to content of each module; names begin below a root.

    Raises:
        ValueError: a module is below none of the roots.
    """
    found = {}
    for path in paths:
        text = path.as_posix()
        root = next((root for root in roots if f"/{root}/" in f"/{text}"), None)
        if root is None:
            raise ValueError(f"{path} is below none of the roots {', '.join(roots)}")
        found[f"/{text}".partition(f"/{root}/")[2]] = path.read_bytes()
    return found


def write(output: Path, contents: dict[str, bytes], metadata: bytes, entry_points: bytes) -> None:
    """Write the wheel, whose name is `NAME-VERSION-py3-none-any.whl`."""
    name, version, *_ = output.name.split("-")
    info = f"{name}-{version}.dist-info"
    contents = dict(sorted(contents.items())) | {
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": _WHEEL.encode(),
        f"{info}/entry_points.txt": entry_points,
    }
    record = [f"{path},{_digest(content)},{len(content)}\n" for path, content in contents.items()]
    contents[f"{info}/RECORD"] = "".join([*record, f"{info}/RECORD,,\n"]).encode()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in contents.items():
            entry = zipfile.ZipInfo(path, _TIME)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)


def _digest(content: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--metadata", type=Path, required=True)
    parser.add_argument("--entry_points", type=Path, required=True)
    parser.add_argument("--root", action="append", default=[])
    parser.add_argument("modules", nargs="+", type=Path)
    options = parser.parse_args()
    write(
        options.output,
        files(options.modules, options.root),
        options.metadata.read_bytes(),
        options.entry_points.read_bytes(),
    )


if __name__ == "__main__":
    main()
