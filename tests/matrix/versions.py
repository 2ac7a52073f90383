"""The table of cells.bzl with what the locks hold, as README.md shows it."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

# The markers of the section of README.md that is generated.
BEGIN = "<!-- tests/matrix: written by `./bazelw run //tests/matrix:update` -->"
END = "<!-- tests/matrix: end -->"

# Axis -> its name in a lock and in the table. The others are no packages.
_PACKAGES = {"mlflow": "mlflow-skinny", "numpy": "numpy", "pandas": "pandas"}
_TITLES = {"mlflow": "MLflow", "numpy": "NumPy", "pandas": "pandas", "python": "Python", "triton": "Triton"}


class TableError(Exception):
    """The table is wrong; the text says where and what to do."""


@dataclasses.dataclass(frozen=True)
class Impossible:
    """Values of axes that cannot meet, and why."""

    reason: str
    values: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Cell:
    """One combination of versions.

    Attributes:
      values: by axis.
      packages: full version of each package in the lock, by axis.
      whole: all models of the parity suite are tested in it, not the core alone.
    """

    values: Mapping[str, str]
    packages: Mapping[str, str]
    whole: bool


@dataclasses.dataclass(frozen=True)
class Table:
    """The table of cells.bzl.

    Attributes:
      axes: values of each axis.
      cells: the combinations that are tested.
      impossible: those that cannot be.
      core: how many models stand for all.
    """

    axes: Mapping[str, Sequence[str]]
    cells: Sequence[Cell]
    impossible: Sequence[Impossible]
    core: int


def read(table: Path, locks: Path) -> Table:
    """The table.

    Args:
      table: JSON of the names that cells.bzl defines.
      locks: folder of the locks.

    Raises:
      TableError: a lock lacks a package, or holds another version than its cell says.
    """
    document = json.loads(table.read_text(encoding="utf-8"))
    axes = document["axes"]
    cells = []
    for item in document["cells"]:
        values = {axis: item[axis] for axis in axes}
        lock = locks / f"{item['lock_set']}_{item['python']}.lock"
        packages = _packages(lock)
        for axis, version in packages.items():
            if not f"{version}.".startswith(f"{values[axis]}."):
                raise TableError(
                    f"{lock.name} holds {_PACKAGES[axis]} {version}, but its cell in tests/matrix/cells.bzl says "
                    f"{values[axis]}; change the cell, or the .in file and run ./bazelw run //third_party:update"
                )
        cells.append(Cell(values, packages, whole=bool(item["test"])))
    impossible = [Impossible(**item) for item in document["impossible"]]
    return Table(axes, cells, impossible, len(document["core_models"]))


def _packages(lock: Path) -> dict[str, str]:
    """Version of each package of an axis in a lock."""
    pinned = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", lock.read_text(encoding="utf-8"), re.MULTILINE))
    lacking = [package for package in _PACKAGES.values() if package not in pinned]
    if lacking:
        raise TableError(
            f"{lock.name} lacks {', '.join(lacking)}; add it to the .in file and run ./bazelw run //third_party:update"
        )
    return {axis: pinned[package] for axis, package in _PACKAGES.items()}


def missing_pairs(table: Table) -> list[dict[str, str]]:
    """Every two values of two axes that meet in no cell, though they could."""
    pairs = [
        {first: one, second: other}
        for first, second in itertools.combinations(sorted(table.axes), 2)
        for one, other in itertools.product(table.axes[first], table.axes[second])
    ]
    known = [cell.values for cell in table.cells] + [item.values for item in table.impossible]
    return [pair for pair in pairs if not any(pair.items() <= dict(values).items() for values in known)]


def section(table: Table) -> str:
    """The lines between the markers of README.md."""
    order = ("python", "mlflow", "pandas", "numpy", "triton")
    lines = [
        "| " + " | ".join([*(_TITLES[axis] for axis in order), "models"]) + " |",
        "| " + " | ".join(["---"] * (len(order) + 1)) + " |",
    ]
    for cell in table.cells:
        versions = [cell.packages.get(axis, cell.values[axis]) for axis in order]
        lines.append("| " + " | ".join([*versions, "all" if cell.whole else "core"]) + " |")
    reasons = "; ".join(item.reason for item in table.impossible)
    lines += ["", f"The core is {table.core} models. What cannot be had, and so not tested: {reasons}."]
    return "\n".join(lines)


def updated(readme: str, table: Table) -> str:
    """`readme` with the table as it is.

    Raises:
      TableError: the markers are not there.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise TableError(
            f"README.md lacks the lines {BEGIN!r} and {END!r}, between which the table stands; put them back"
        )
    return f"{before}{BEGIN}\n\n{section(table)}\n\n{END}{after}"
