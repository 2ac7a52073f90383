"""Copies an installed CPython into a folder that can be moved anywhere. Standard library only.

usage: make_runtime.py PREFIX DEST [--series X.Y] [--libc FOLDER --program FILE] [--bytecode FILE]

DEST then holds `bin/pythonX.Y`, `lib/` with the standard library, `libpythonX.Y.so.1.0` and the host libraries that
extension modules need (beyond the C library), `include/pythonX.Y/`, and `symbols.txt`: what a link-time stand-in for
libpython must define, one `function NAME` or `object NAME` a line. What an execution environment never needs (tests,
IDLE, Tk, static libraries) is left out. Library search paths become relative, debug information is dropped, and
the folders that lead to PREFIX are blanked, so the bytes do not depend on DEST and name no folder of the machine.

With `--libc`, for an interpreter that needs a newer C library than the machine has, FOLDER holds that library, and
FILE is the interpreter as it was built (the one in PREFIX runs where it lies only). DEST then holds the library in
`lib/glibc`, its loader as `bin/ld.so`, the interpreter as `bin/pythonX.Y.elf`, and `bin/pythonX.Y` is a script that
starts one with the other.

With `--bytecode`, which names `bytecode.py` of the environments' tools, compiled files lie beside the standard
library's sources: it takes seconds, and saves every program that starts a quarter of one.

Prints one JSON object: `version` (X.Y.Z), `series` (X.Y), `libraries` (host libraries taken along) and `missing` (host
libraries that extension modules ask for and the machine lacks). Exit status 1 and one line where PREFIX cannot serve.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator

sys.dont_write_bytecode = True  # no __pycache__ beside this file: it lies in a source tree

import elf  # noqa: E402
import layout  # noqa: E402

_DROP_FOLDERS = {
    "__pycache__", "test", "tests", "idle_test", "idlelib", "turtledemo", "tkinter", "lib2to3", "ensurepip",
    "site-packages", "dist-packages",
}  # fmt: skip
_DROP_SUFFIXES = (".pyc", ".a", ".o", ".exe", ".bat")
# `EXTERNALLY-MANAGED` speaks of the host's package manager; Debian's sitecustomize.py is a link into /etc.
_DROP_FILES = {"EXTERNALLY-MANAGED", "sitecustomize.py", "turtle.py"}
# `nis` alone would bring eight host libraries and lift the needed glibc; the others are tests and Tk.
_DROP_EXTENSIONS = ("nis.", "_test", "_xxtest", "_xxsub", "xxlimited", "xxsubtype", "_tkinter", "_ctypes_test")
# Part of every glibc system, or libpython itself: never taken along.
_SYSTEM_LIBRARY = re.compile(r"(ld-linux.*|lib(c|m|dl|rt|util|pthread|resolv|python3.*))\.so(\..*)?$")
_LIBRARY_FOLDERS = ("/usr/local/lib", "/lib", "/usr/lib", "/lib64", "/usr/lib64")
# What stands for the folder the interpreter was installed in; the same word that standalone builds use.
_NEUTRAL_FOLDER = b"/install"
_SHARED_PREFIXES = ("/usr", "/usr/local")
# Python learns from its name where it lies, so that is the script's: what Python starts by `sys.executable` works, too.
_START_WITH_LIBC = """#!/bin/sh
self=$(readlink -f -- "$0")
bin=${self%/*}
exec "$bin/ld.so" --argv0 "$0" --library-path "$bin/../lib/glibc:$bin/../lib" "$self.elf" "$@"
"""


class UnusableError(Exception):
    """The given prefix cannot be made into a runtime; the text says what is missing."""


def find_series(prefix: str) -> str:
    """The one `X.Y` whose interpreter lies in PREFIX/bin.

    Raises:
      UnusableError: there is none, or more than one.
    """
    folder = os.path.join(prefix, "bin")
    names = os.listdir(folder) if os.path.isdir(folder) else []
    found = sorted(name[len("python") :] for name in names if re.fullmatch(r"python3\.\d+", name))
    if len(found) != 1:
        if found:
            raise UnusableError(f"{prefix}: several interpreters ({', '.join(found)}); choose with --series")
        raise UnusableError(f"{prefix}: no bin/python3.X")
    return found[0]


def write_file(path: str, data: bytes, executable: bool = False) -> None:
    """Write `data` to `path` with mode 0755 or 0644, making its folder."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o755 if executable else 0o644)


def read_file(path: str) -> bytes:
    """The bytes of `path`."""
    with open(path, "rb") as file:
        return file.read()


def blank_prefix(data: bytes, prefix: str) -> bytes:
    """`data` without the folders that lead to `prefix`, which are those of one machine, often of one user.

    They give way to a neutral path of the same length. The last part of the prefix stays: linkers let strings share
    their tails, so the end of ".../versions/3.11.7" can at the same time be the interpreter's version.
    """
    folder = os.path.dirname(prefix).encode()
    if prefix in _SHARED_PREFIXES or len(folder) < len(_NEUTRAL_FOLDER):
        return data
    name = b"/" + os.path.basename(prefix).encode()
    return data.replace(folder + name, _NEUTRAL_FOLDER.ljust(len(folder), b"/") + name)


def stdlib_files(folder: str) -> Iterator[str]:
    """Paths, relative to `folder`, of the standard library's files that a runtime keeps; sorted by folder."""
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(d for d in folders if d not in _DROP_FOLDERS and not d.startswith("config-"))
        dynload = os.path.basename(where) == "lib-dynload"
        for name in sorted(files):
            if name.endswith(_DROP_SUFFIXES) or name in _DROP_FILES or (dynload and name.startswith(_DROP_EXTENSIONS)):
                continue
            yield os.path.relpath(os.path.join(where, name), folder)


def relocatable(data: bytes, up: str, prefix: str, executable: bool = False) -> bytes:
    """An ELF file ready to be moved.

    Args:
      data: the file.
      up: the path from the file's folder to the runtime's `lib`; "." inside it.
      prefix: the old installation prefix.
      executable: whether this is the interpreter. Its search path must serve the libraries' own needs as well, and
        is added if there is none; other files only lose one that points to the old prefix.
    """
    found = elf.dynamic(data)
    data = elf.strip(data)
    if found and (executable or found.runpath is not None):
        path = "$ORIGIN" if up == "." else "$ORIGIN/" + up
        data = elf.set_runpath(data, path, inherited=executable)
    return blank_prefix(data, prefix)


def copy_program(parts: layout.Layout, dest: str, libc: str, program: str) -> None:
    """The executable, and what it needs to run if that is a C library of its own (see the head of this file)."""
    target = os.path.join(dest, "bin", "python" + parts.series)
    data = relocatable(read_file(program or parts.executable), "../lib", parts.prefix, True)
    if not libc:
        write_file(target, data, True)
        return
    write_file(target + ".elf", data, True)
    write_file(target, _START_WITH_LIBC.encode(), True)
    for name in sorted(os.listdir(libc)):
        library = elf.strip(read_file(os.path.join(libc, name)))
        if name.startswith("ld-linux"):
            write_file(os.path.join(dest, "bin", "ld.so"), library, True)
        write_file(os.path.join(dest, "lib", "glibc", name), library)


def copy_interpreter(parts: layout.Layout, dest: str) -> None:
    """libpython and the standard library, and the executable's other names."""
    name = "python" + parts.series
    for alias in ("python", "python3"):
        os.symlink(name, os.path.join(dest, "bin", alias))
    library = os.path.join(dest, "lib", os.path.basename(parts.libpython))
    write_file(library, relocatable(read_file(parts.libpython), ".", parts.prefix))
    os.symlink(os.path.basename(library), os.path.join(dest, "lib", f"lib{name}.so"))
    for path in stdlib_files(parts.stdlib):
        data = read_file(os.path.join(parts.stdlib, path))
        if elf.is_elf(data):
            up = os.path.relpath("lib", os.path.join("lib", name, os.path.dirname(path)))
            data = relocatable(data, up, parts.prefix)
        else:
            data = blank_prefix(data, parts.prefix)
            if path == "site.py" and b"dist-packages" in data:
                add_site_packages(dest, name)
        write_file(os.path.join(dest, "lib", name, path), data)
    # The folder must exist for `site` to look into it; a file keeps it in archives and action inputs.
    write_file(os.path.join(dest, "lib", name, "site-packages", "README.txt"), b"Packages are installed here.\n")


def add_site_packages(dest: str, name: str) -> None:
    """Let Debian's interpreter, which looks for packages in `dist-packages` only, find those in `site-packages`."""
    line = f"import site, sys; site.addsitedir(sys.prefix + '/lib/{name}/site-packages')\n"
    write_file(os.path.join(dest, "lib", "python3", "dist-packages", "site-packages.pth"), line.encode())


def copy_headers(parts: layout.Layout, dest: str) -> None:
    """The C headers, later folders over earlier ones."""
    target = os.path.join(dest, "include", "python" + parts.series)
    for folder in parts.headers:
        for where, folders, files in os.walk(folder):
            folders.sort()
            for name in sorted(files):
                path = os.path.join(where, name)
                write_file(os.path.join(target, os.path.relpath(path, folder)), read_file(path))


def find_library(soname: str) -> str | None:
    """The host's file for a shared library name, or None."""
    machine = os.uname().machine
    for folder in _LIBRARY_FOLDERS:
        for path in (os.path.join(folder, soname), os.path.join(folder, machine + "-linux-gnu", soname)):
            if os.path.exists(path):
                return os.path.realpath(path)
    return None


def copy_host_libraries(parts: layout.Layout, dest: str) -> dict[str, list[str]]:
    """Copy the host libraries that anything in `dest` needs into its `lib`, and what they need in turn.

    Returns:
      The names copied (`libraries`) and those the machine does not have (`missing`), sorted.
    """
    pending: list[str] = []
    for folder in ("bin", "lib"):
        for where, folders, files in os.walk(os.path.join(dest, folder)):
            folders.sort()
            pending += [os.path.join(where, name) for name in files if ".so" in name or folder == "bin"]
    seen: set[str] = set()
    copied, missing = [], []
    while pending:
        found = elf.dynamic(read_file(pending.pop()))
        for soname in found.needed if found else []:
            if soname in seen or _SYSTEM_LIBRARY.match(soname):
                continue
            seen.add(soname)
            beside = os.path.join(os.path.dirname(parts.libpython), soname)
            source = beside if os.path.exists(beside) else find_library(soname)
            if source is None:
                missing.append(soname)
                continue
            target = os.path.join(dest, "lib", soname)
            write_file(target, relocatable(read_file(source), ".", parts.prefix))
            copied.append(soname)
            pending.append(target)
    return {"libraries": sorted(copied), "missing": sorted(missing)}


def write_symbols(libpython: str, path: str) -> None:
    """List the Python symbols that `libpython` defines, as `function NAME` and `object NAME` lines."""
    exported = set(elf.exported_symbols(read_file(libpython)))
    symbols = {(kind, name) for kind, name in exported if name.startswith(("Py", "_Py"))}
    write_file(path, "".join("{} {}\n".format(*symbol) for symbol in sorted(symbols)).encode())


def compile_stdlib(dest: str, series: str, tool: str) -> None:
    """Put bytecode beside the standard library of the runtime in `dest`; `tool` is the path of `bytecode.py`.

    Raises:
      UnusableError: the runtime's interpreter does not run where it lies now.
    """
    spec = importlib.util.spec_from_file_location("bytecode", tool)
    assert spec and spec.loader
    bytecode = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bytecode)
    program = os.path.join(dest, "bin", "python" + series)
    try:
        bytecode.precompile(os.path.join(dest, "lib", "python" + series), program, series)
    except bytecode.CompileError as error:
        raise UnusableError(f"{dest}: {error}") from error


def make_runtime(prefix: str, dest: str, series: str = "", libc: str = "", program: str = "") -> dict[str, object]:
    """Copy the CPython in `prefix` to `dest`, which must hold none yet. See the head of this file.

    Raises:
      UnusableError: a part of the interpreter is missing, or it does not run.
    """
    prefix, dest = os.path.realpath(prefix), os.path.abspath(dest)
    parts = layout.locate(prefix, series or find_series(prefix))
    if parts.missing:
        raise UnusableError("{}: CPython {} lacks {}".format(prefix, parts.series, "; ".join(parts.missing)))
    interpreter = layout.ask(parts.executable)
    if interpreter is None or not interpreter.version.startswith(parts.series + "."):
        said = "does not run" if interpreter is None else f"says it is {interpreter.version}"
        raise UnusableError(f"{parts.executable} {said}")
    for folder in ("bin", "lib", "include"):
        shutil.rmtree(os.path.join(dest, folder), ignore_errors=True)
    copy_program(parts, dest, libc, program)
    copy_interpreter(parts, dest)
    copy_headers(parts, dest)
    libraries = copy_host_libraries(parts, dest)
    write_symbols(parts.libpython, os.path.join(dest, "symbols.txt"))
    facts: dict[str, object] = {"version": interpreter.version, "series": parts.series}
    facts.update(libraries)
    return facts


def main(argv: list[str]) -> int:
    """Command line entry; see the head of this file."""
    parser = argparse.ArgumentParser(description="Copy an installed CPython into a folder that can be moved anywhere.")
    parser.add_argument("prefix", help="installation prefix, such as /usr/local")
    parser.add_argument("dest", help="folder to fill; bin, lib, include and symbols.txt in it are replaced")
    parser.add_argument("--series", default="", help="X.Y, needed where PREFIX holds several interpreters")
    parser.add_argument("--libc", default="", help="folder of the C library that the interpreter needs")
    parser.add_argument("--program", default="", help="with --libc: the interpreter as it was built")
    parser.add_argument("--bytecode", default="", help="path of bytecode.py: compile the standard library with it")
    options = parser.parse_args(argv)
    if bool(options.libc) != bool(options.program):
        parser.error("--libc and --program go together")
    try:
        facts = make_runtime(options.prefix, options.dest, options.series, options.libc, options.program)
        if options.bytecode:
            compile_stdlib(options.dest, str(facts["series"]), options.bytecode)
    except (UnusableError, elf.ElfError) as error:
        print(f"make_runtime: {error}", file=sys.stderr)
        return 1
    print(json.dumps(facts, sort_keys=True))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
