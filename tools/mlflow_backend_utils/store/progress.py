"""How far a fetch is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """What is told while a model is fetched."""

    def begin(self, what: str, total: int | None = None) -> None:
        """Something of `total` bytes starts to arrive; None: nobody knows how many."""

    def advance(self, size: int) -> None:
        """`size` bytes more arrived. Called from any thread."""


class Silent:
    """Tells nobody."""

    def begin(self, what: str, total: int | None = None) -> None:
        """Do nothing."""

    def advance(self, size: int) -> None:
        """Do nothing."""
