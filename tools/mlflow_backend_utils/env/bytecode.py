"""Compiles modules to `.pyc` files whose bytes do not depend on time, place, or the number of cores.

The files are "unchecked hash-based" (PEP 552): they hold no time and are used without looking at the source. They are
written in an older format of `marshal`: from format 3 on the bytes say which objects are shared and which strings are
interned, and both depend on what the process did before, even on the paths it was started with.

Before Python 3.11 the order of sets depends on the hash seed and on what the process compiled before. So the modules
are dealt out to fresh interpreters, each with a fixed seed, as many as the modules need and not as there are cores.

Run as a program this file is one such interpreter: a JSON list of [name, file, wheel member or ""] on standard input,
and on standard output, for each, the length of its bytecode as a little-endian 32-bit number and then the bytecode; a
length of 0 where the source does not compile. Standard library only, and no other module of this project.
"""

from __future__ import annotations

import importlib.util
import json
import marshal
import os
import struct
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Sequence
from concurrent import futures

# Compiling so many takes half a second, and starting an interpreter a fifth of that.
_SOURCES_OF_A_SLICE = 250
_MOST_SLICES = 16
# Without references and interning: 4 % more after compression. It cannot hold constants that Python 3.14 has.
_MARSHAL_FORMAT = 2 if sys.version_info < (3, 14) else marshal.version
# PEP 552: a hash of the source instead of its time, not to be checked.
_UNCHECKED_HASH = struct.pack("<I", 0b01)

# A source: (name in the environment, file on disk, member of it if that is a wheel).
Source = tuple[str, str, str]


class CompileError(Exception):
    """An interpreter that should compile failed."""


def pyc_name(name: str, series: str) -> str:
    """Where the bytecode of module file `name` goes for Python `series` (`X.Y`)."""
    folder, slash, file = name.rpartition("/")
    return f"{folder}{slash}__pycache__/{file[: -len('.py')]}.cpython-{series.replace('.', '')}.pyc"


def _compile_slice(interpreter: str, sources: Sequence[Source]) -> dict[str, bytes]:
    environ = {"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "PATH": os.defpath}
    # No -I here: it would make the interpreter ignore the seed.
    done = subprocess.run(
        [interpreter, "-B", "-s", os.path.abspath(__file__)],
        input=json.dumps(sources).encode(), capture_output=True, env=environ,
    )  # fmt: skip
    if done.returncode:
        raise CompileError(f"compiling with {os.path.basename(interpreter)} failed: {done.stderr.decode().strip()}")
    compiled, offset = {}, 0
    for name, _, _ in sources:
        (size,) = struct.unpack_from("<I", done.stdout, offset)
        offset += 4
        if size:
            compiled[name] = done.stdout[offset : offset + size]
        offset += size
    return compiled


def compile_all(interpreter: str, sources: Sequence[Source], threads: int) -> dict[str, bytes]:
    """Bytecode by module file name; sources that do not compile (templates, Python 2) have none.

    Args:
      interpreter: the environment's own Python.
      sources: what to compile; their order matters for the bytes of Python 3.10 and older.
      threads: how many interpreters run at the same time.

    Raises:
      CompileError: an interpreter failed.
    """
    count = min(_MOST_SLICES, -(-len(sources) // _SOURCES_OF_A_SLICE))
    slices = [sources[i::count] for i in range(count)]
    with futures.ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(lambda part: _compile_slice(interpreter, part), slices))
    return {name: code for result in results for name, code in result.items()}


def precompile(folder: str, interpreter: str, series: str) -> None:
    """Put bytecode beside every module below `folder`.

    Args:
      folder: packages, or a standard library.
      interpreter: a Python of `series` (`X.Y`).
      series: names the files.

    Raises:
      CompileError: an interpreter failed.
    """
    names = sorted(
        os.path.relpath(os.path.join(where, file), folder)
        for where, _, files in os.walk(folder)
        for file in files
        if file.endswith(".py")
    )
    sources = [(name, os.path.abspath(os.path.join(folder, name)), "") for name in names]
    for name, code in compile_all(interpreter, sources, os.cpu_count() or 1).items():
        target = os.path.join(folder, pyc_name(name, series))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as stream:
            stream.write(code)
        os.chmod(target, 0o644)


def _main() -> None:
    warnings.simplefilter("ignore")
    wheels: dict[str, zipfile.ZipFile] = {}
    for name, path, member in json.load(sys.stdin):
        if member:
            if path not in wheels:
                wheels[path] = zipfile.ZipFile(path)
            source = wheels[path].read(member)
        else:
            with open(path, "rb") as file:
                source = file.read()
        try:
            code = compile(source, name, "exec", dont_inherit=True, optimize=0)
        except (SyntaxError, ValueError):
            compiled = b""
        else:
            header = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(source)
            compiled = header + marshal.dumps(code, _MARSHAL_FORMAT)
        sys.stdout.buffer.write(struct.pack("<I", len(compiled)) + compiled)


if __name__ == "__main__":
    _main()
