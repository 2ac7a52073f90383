"""How much a model may weigh: what is fetched comes from outside and must not fill the disk."""

from __future__ import annotations

from mlflow_backend_utils.store.errors import LimitError

DEFAULT_MAX_BYTES = 64 << 30
DEFAULT_MAX_FILES = 100_000


class Budget:
    """What is left of the limits while one model is fetched or unpacked.

    Args:
      max_bytes: most bytes of all files together.
      max_files: most files.
    """

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES, max_files: int = DEFAULT_MAX_FILES) -> None:
        self.max_bytes, self.max_files = max_bytes, max_files
        self._bytes = self._files = 0

    def fresh(self) -> Budget:
        """A budget with the same limits and nothing spent."""
        return Budget(self.max_bytes, self.max_files)

    def spend(self, size: int, what: str) -> None:
        """Count `size` bytes more of `what`.

        Raises:
          LimitError: that is too much.
        """
        self._bytes += size
        if self._bytes > self.max_bytes:
            raise LimitError(f"{what}: more than {self.max_bytes} bytes; allow more with --max-bytes if that is right")

    def add_file(self, what: str) -> None:
        """Count one file more of `what`.

        Raises:
          LimitError: that is one too many.
        """
        self._files += 1
        if self._files > self.max_files:
            raise LimitError(f"{what}: more than {self.max_files} files; allow more with --max-files if that is right")
