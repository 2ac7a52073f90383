"""Small wheels and a small runtime, made on the spot."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

SERIES = "{}.{}".format(*sys.version_info[:2])

_CONDA_PACK_CORE = '''
_conda_unpack_template = """\\
{shebang}
{prefixes_py}
_prefix_records = [
{prefix_records}
]
if __name__ == '__main__':
    print('conda-unpack {version}')
"""
'''


def wheel(folder: Path, name: str, files: Mapping[str, str | bytes], version: str = "1.0") -> str:
    """Write a wheel of pure Python with `files` besides its metadata; the path."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    content = {
        **files,
        f"{info}/METADATA": f"Name: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Tag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in content.items():
            archive.writestr(member, data)
    return os.fspath(path)


def runtime(folder: Path) -> str:
    """A folder laid out like a runtime, with the interpreter that runs the test and one module."""
    (folder / "bin").mkdir(parents=True)
    library = folder / "lib" / f"python{SERIES}"
    library.mkdir(parents=True)
    os.symlink(os.path.realpath(sys.executable), folder / "bin" / f"python{SERIES}")
    for alias in ("python", "python3"):
        os.symlink(f"python{SERIES}", folder / "bin" / alias)
    (library / "hello.py").write_text("GREETING = {'a', 'b', 'c'}\n", encoding="utf-8")
    (folder / "lib" / f"libpython{SERIES}.so.1.0").write_bytes(b"\x7fELF")
    (folder / "lib" / f"libpython{SERIES}.so").write_bytes(b"only for linking")
    (folder / "include").mkdir()
    (folder / "include" / "Python.h").write_text("", encoding="utf-8")
    return os.fspath(folder)


def conda_pack(folder: Path) -> str:
    """A wheel with the parts of conda-pack that are used."""
    scripts = {
        f"conda_pack/scripts/posix/{name}": f"# {name}\n" for name in ("activate", "activate.fish", "deactivate")
    }
    return wheel(
        folder,
        "conda_pack",
        {
            **scripts,
            "conda_pack/core.py": _CONDA_PACK_CORE,
            "conda_pack/prefixes.py": "on_win = False",
            "conda_pack/_progress.py": "",
        },
        "0.9.2",
    )
