"""Why a model cannot be had, kept or given out; each text says what was given, what is allowed and what to do."""

from __future__ import annotations


class StoreError(Exception):
    """Base of what this package raises on purpose."""


class UriError(StoreError):
    """A URI, name or tag that is none."""


class NotFoundError(StoreError):
    """Nothing is where the URI points, or the store has no such model."""


class FetchError(StoreError):
    """What holds the model does not answer, or refuses."""


class MissingPackageError(StoreError):
    """A kind of URI needs a package that this interpreter does not have."""


class ArchiveError(StoreError):
    """An archive that must not be unpacked, or cannot be."""


class NotAModelError(StoreError):
    """A folder that is no MLflow model, or holds what a model cannot."""


class LimitError(StoreError):
    """More bytes or files than were allowed."""


class DigestError(StoreError):
    """Content that does not have the digest it should have."""
