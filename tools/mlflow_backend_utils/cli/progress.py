"""Bars that show how far something is; nothing where nobody looks."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


def of_bytes() -> Progress:
    """rich's bar for an amount of bytes, on stderr, gone at the end."""
    from rich import console, progress

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
    )
    return progress.Progress(*columns, console=console.Console(stderr=True), transient=True)


@contextlib.contextmanager
def bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal.

    Args:
      what: is being done.
      total: bytes of all of it; None: nobody knows.

    Yields:
      what to call with the number of bytes that are done in addition.
    """
    if not sys.stderr.isatty():
        yield lambda _size: None
        return
    with of_bytes() as shown:
        task = shown.add_task(what, total=total)
        yield lambda size: shown.advance(task, size)
