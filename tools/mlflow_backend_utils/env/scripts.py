"""The programs in an environment's `bin/`: entry points of packages, and conda-pack's activation and relocation."""

from __future__ import annotations

import configparser
import os
import re
import zipfile
from collections.abc import Iterator

# Valid both as a shell script, which starts the interpreter beside itself wherever the environment lies, and as
# Python, to which it is a string. It makes rewriting of prefixes unnecessary.
_HEADER = """#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")/python3" "$0" "$@"
' '''
"""
_ENTRY_POINT = """import sys
from {module} import {name}
sys.exit({attribute}())
"""
_CONDA_UNPACK_TEMPLATE = re.compile(r'_conda_unpack_template = """\\\n(.*?)\n"""', re.DOTALL)


def console_scripts(entry_points: str) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the programs that a wheel's `entry_points.txt` declares."""
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(entry_points)
    for section in ("console_scripts", "gui_scripts"):
        for name, value in parser.items(section) if parser.has_section(section) else ():
            module, _, attribute = (part.strip() for part in value.split("[")[0].partition(":"))
            code = _ENTRY_POINT.format(module=module, name=attribute.split(".")[0], attribute=attribute)
            yield name, (_HEADER + code).encode()


def relocate(script: bytes) -> bytes:
    """A script of a wheel's `.data/scripts`: the header takes the place of its first line if that is `#!python…`."""
    if not script.startswith(b"#!python"):
        return script
    return _HEADER.encode() + script.partition(b"\n")[2]


def conda_pack_files(wheel: str) -> Iterator[tuple[str, bool, bytes]]:
    """(path in the environment, executable, content) of what conda-pack adds to an environment.

    `bin/conda-unpack` is conda-pack's own, with an empty list of files to rewrite, for nothing in the environment
    knows its place; it starts with our header, so it runs without a Python on PATH.

    Args:
      wheel: the wheel of conda-pack.
    """
    version = os.path.basename(wheel).split("-")[1]
    with zipfile.ZipFile(wheel) as archive:
        for name in ("activate", "activate.fish", "deactivate"):
            yield f"bin/{name}", True, archive.read(f"conda_pack/scripts/posix/{name}")
        template = _CONDA_UNPACK_TEMPLATE.search(archive.read("conda_pack/core.py").decode())
        if template is None:
            raise ValueError(f"{os.path.basename(wheel)}: conda_pack/core.py holds no template of conda-unpack")
        program = template.group(1).replace("\\\\", "\\").format(
            shebang=_HEADER.rstrip("\n"),
            prefix_records="",
            prefixes_py=archive.read("conda_pack/prefixes.py").decode(),
            version=version,
        )  # fmt: skip
        yield "bin/conda-unpack", True, program.encode()
        yield "bin/conda_unpack_progress.py", False, archive.read("conda_pack/_progress.py")
    # conda-pack takes a folder for an environment when it has this file; it may be empty.
    yield "conda-meta/history", False, b""
