"""A gzip writer that uses all cores and gives the same bytes with any number of them.

The input is cut into blocks of one size. Each is deflated alone, primed with the last 32 KiB of the block before it,
and flushed to a byte boundary, so the pieces make one ordinary deflate stream (the method of pigz). The header carries
no name and no time.
"""

from __future__ import annotations

import collections
import os
import struct
import zlib
from concurrent import futures
from typing import BinaryIO

BLOCK = 1 << 20
_WINDOW = 1 << 15
# Magic, deflate, no flags, no time, no hint on the level, system unknown (RFC 1952).
_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"


def default_threads() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def _deflate(block: bytes, before: bytes, level: int, last: bool) -> bytes:
    if before:
        compressor = zlib.compressobj(level, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, before)
    else:
        compressor = zlib.compressobj(level, zlib.DEFLATED, -15, 9)
    return compressor.compress(block) + compressor.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)


class GzipWriter:
    """Writes one gzip stream. A context manager; the stream is complete when it was left without an error.

    Args:
      out: binary file to write to; it stays open.
      level: 0 (store) to 9.
      threads: how many blocks are deflated at the same time; 0 for all cores.
    """

    def __init__(self, out: BinaryIO, level: int, threads: int = 0):
        self._out = out
        self._level = level
        self._threads = threads or default_threads()
        self._pool = futures.ThreadPoolExecutor(self._threads)
        self._pending: collections.deque[futures.Future[bytes]] = collections.deque()
        self._buffer = bytearray()
        self._before = b""
        self._crc = self._size = 0
        out.write(_HEADER)

    def __enter__(self) -> GzipWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._submit(bytes(self._buffer), last=True)
                self._drain(0)
                self._out.write(struct.pack("<II", self._crc, self._size & 0xFFFFFFFF))
        finally:
            self._pool.shutdown(cancel_futures=True)

    def write(self, data: bytes) -> None:
        """Append bytes."""
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)
        self._buffer += data
        start = 0
        # The last block is written on leaving, so a full one waits until more follows.
        while len(self._buffer) - start > BLOCK:
            self._submit(bytes(self._buffer[start : start + BLOCK]), last=False)
            start += BLOCK
        if start:
            del self._buffer[:start]

    def _submit(self, block: bytes, last: bool) -> None:
        self._pending.append(self._pool.submit(_deflate, block, self._before, self._level, last))
        self._before = block[-_WINDOW:]
        self._drain(self._threads + 2)

    def _drain(self, most: int) -> None:
        """Write finished blocks, in order, until no more than `most` are pending."""
        while len(self._pending) > most:
            self._out.write(self._pending.popleft().result())
