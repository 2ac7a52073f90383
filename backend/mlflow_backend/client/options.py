"""How a client behaves when a server is slow or away."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Deadlines and retries.

    Attributes:
        deadline: seconds that one attempt may take; None: as long as it takes.
        retries: further attempts when the server cannot be reached or has no room; predictions are repeatable.
        backoff: seconds before the first further attempt; doubled for each one after it.
    """

    deadline: float | None = None
    retries: int = 2
    backoff: float = 0.1

    def pauses(self) -> list[float]:
        """Seconds before each further attempt."""
        return [self.backoff * 2**attempt for attempt in range(self.retries)]
