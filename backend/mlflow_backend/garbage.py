"""Python's garbage collector, and the objects that loading a model makes for good.

MLflow, pandas and a model's libraries are hundreds of thousands of them. The collector would look at all of them again
and again while they are made, which is a sixth of the work of a load, and later, for a tenth of a second and more, in
the middle of a request.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def lasting() -> Iterator[None]:
    """What is made inside and still in use at the end is never looked at by the collector again.

    It is freed like anything else when nothing refers to it any more, unless it is part of a cycle.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        # What loading has thrown away must not be kept.
        gc.collect()
        gc.freeze()
        if was_enabled:
            gc.enable()


def keep_libraries() -> None:
    """Modules that have been imported last; spares `lasting` to look through them for what was thrown away."""
    gc.freeze()
