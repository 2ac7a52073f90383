"""How a client behaves when a server is slow or away."""

from __future__ import annotations

from dataclasses import dataclass

from mlflow_backend.client.errors import InputError

# Seconds; a server that is back should not be waited for any longer.
_LONGEST = 5.0


@dataclass(frozen=True)
class Options:
    """Deadlines and retries.

    Attributes:
        deadline: seconds that one attempt may take, and the next piece of a stream; None: as long as it takes.
        retries: further attempts when the server cannot be reached or has no room; predictions are repeatable.
        backoff: seconds before the first further attempt; doubled for each one after it, up to 5.

    Raises:
        InputError: a number is out of range.
    """

    deadline: float | None = None
    retries: int = 2
    backoff: float = 0.1

    def __post_init__(self) -> None:
        if self.deadline is not None and not self.deadline > 0:
            raise InputError(f"deadline is {self.deadline}; it must be above 0 seconds, or None.")
        for name in ("retries", "backoff"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} is {getattr(self, name)}; it must be 0 or more.")

    def pauses(self) -> list[float]:
        """Seconds before each further attempt."""
        return [min(self.backoff * 2**attempt, max(self.backoff, _LONGEST)) for attempt in range(self.retries)]
