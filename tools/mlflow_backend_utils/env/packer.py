"""Packs a Python runtime and wheels into an execution environment in conda-pack's layout.

Nothing is installed: wheels and runtime are streamed into the archive. The result depends on its inputs alone; no time,
user, path, or number of cores is in it. It can be unpacked anywhere and used at once; `bin/conda-unpack` finds nothing
left to do.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from mlflow_backend_utils.env import archive, bytecode, deflate, openmp, site_packages
from mlflow_backend_utils.env.plan import Member, PackError, Reader, plan, python_series

__all__ = ["ERRORS", "PackError", "pack"]

# What `pack` raises for inputs that it cannot use.
ERRORS = (PackError, site_packages.WheelError, bytecode.CompileError)


def add_bytecode(members: dict[str, Member], runtime: str, threads: int) -> dict[str, Member]:
    """`members` with the bytecode of every module below `lib/`, compiled by the runtime itself.

    Raises:
      bytecode.CompileError: the runtime does not run on this machine, or failed.
    """
    series = python_series(runtime)
    sources = [
        (name, member.path, member.wheel_member)
        for name, member in members.items()
        if name.startswith("lib/") and name.endswith(".py") and member.data is None
    ]
    interpreter = os.path.abspath(os.path.join(runtime, "bin", "python" + series))
    compiled = bytecode.compile_all(interpreter, sources, threads or deflate.default_threads())
    added = {bytecode.pyc_name(name, series): (name, code) for name, code in compiled.items()}
    new = {target: Member(target, False, name, data=code) for target, (name, code) in added.items()}
    return dict(sorted({**members, **new}.items()))


def pack(
    runtime: str,
    wheels: Sequence[str],
    *,
    out: str = "",
    out_dir: str = "",
    level: int = 4,
    pyc: str = "none",
    exclude: Sequence[str] = (),
    conda_pack_wheel: str = "",
    threads: int = 0,
) -> None:
    """Write an execution environment to the archive `out`, the folder `out_dir`, or both.

    Args:
      runtime: a relocatable CPython prefix.
      wheels: paths of wheels that fit it.
      out: the archive, a .tar.gz; "" for none.
      out_dir: a folder; "" for none.
      level: gzip level, 0 to 9.
      pyc: "none", or "unchecked" to add bytecode that is never checked against its source.
      exclude: shell patterns of paths in the environment to leave out.
      conda_pack_wheel: the wheel of conda-pack, whose activate and conda-unpack scripts are put in; "" for none.
      threads: cores to use; 0 for all. Does not change the result.

    Raises:
      PackError, site_packages.WheelError, bytecode.CompileError: an input is not usable; the text says which and why.
    """
    if not out and not out_dir:
        raise PackError("nothing to write: give --out, --out_dir, or both")
    reader = Reader()
    try:
        members = plan(runtime, wheels, exclude, conda_pack_wheel, reader)
        openmp_link = openmp.link(members, reader)
        if openmp_link:
            members = dict(sorted({**members, openmp_link.name: openmp_link}.items()))
        if pyc == "unchecked":
            members = add_bytecode(members, runtime, threads)
        if out:
            with open(out, "wb") as file:
                archive.write_tar_gz(members, reader, file, level, threads)
        if out_dir:
            archive.write_folder(members, reader, out_dir)
    finally:
        reader.close()
