"""Ends of programs that serve."""

from __future__ import annotations

import signal
from types import FrameType


def end_as_by_ctrl_c() -> None:
    """Have SIGTERM raise KeyboardInterrupt, so that what is open is closed."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt
