"""Tells who waits what is being done, and how long it took."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator

import click
from rich.console import Console


class Steps:
    """A spinner on a terminal while a step lasts; after it, one line on stderr."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """One step, named by what is being done."""
        start = time.monotonic()
        spinner = Console(stderr=True).status(what) if sys.stderr.isatty() else contextlib.nullcontext()
        with spinner:
            yield
        click.echo(f"{what}: {time.monotonic() - start:.1f} s", err=True)

    def seconds(self) -> float:
        """Since the first step."""
        return time.monotonic() - self._start
