"""Some rows of a file."""

from __future__ import annotations

from typing import NamedTuple


class Piece(NamedTuple):
    """A request of the scoring protocol.

    Attributes:
      body: of the request.
      content_type: of the body.
      first: number of its first row in the file, from 1.
      rows: how many it has.
      size: bytes of the file that it took, for who watches.
    """

    body: bytes
    content_type: str
    first: int
    rows: int
    size: int
