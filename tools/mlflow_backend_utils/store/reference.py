"""Names of models in a store: `NAME[:TAG]`."""

from __future__ import annotations

import re
from typing import NamedTuple

from mlflow_backend_utils.store.errors import UriError

DEFAULT_TAG = "latest"
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class Reference(NamedTuple):
    """One model version of a store.

    Attributes:
      name: of the model.
      tag: of the version.
    """

    name: str
    tag: str

    def __str__(self) -> str:
        return f"{self.name}:{self.tag}"


def parse(given: str) -> Reference:
    """The reference that `given` spells; without a tag, that of `latest`.

    Raises:
      UriError: it is none.
    """
    name, colon, tag = given.partition(":")
    if not _PART.fullmatch(name) or (colon and not _PART.fullmatch(tag)):
        raise UriError(
            f"{given!r} is no NAME or NAME:TAG; both begin with a letter or digit and hold up to 128 letters, digits, "
            "'.', '_' and '-'"
        )
    return Reference(name, tag or DEFAULT_TAG)
