"""Asks a server for the answers to pieces, several at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from mlflow_backend_utils.batch.piece import Piece
from mlflow_backend_utils.batch.writers import Writer
from mlflow_backend_utils.gateway import errors
from mlflow_backend_utils.gateway.exact import Reply
from mlflow_backend_utils.gateway.models import Models
from mlflow_backend_utils.gateway.options import GatewayOptions
from mlflow_backend_utils.gateway.scoring import Scoring
from mlflow_backend_utils.gateway.triton import Triton
from mlflow_backend_utils.messages.errors import BuildError
from mlflow_backend_utils.provision.session import Session

# Enough that the server always has work while answers are written.
_UNDER_WAY = 4
_TIMEOUT_SECONDS = 3600.0


def run(
    pieces: Iterator[Piece], writer: type[Writer], output: Path, session: Session, advance: Callable[[int], None]
) -> int:
    """Write the answers to all pieces.

    Args:
      pieces: of the input.
      writer: for the output.
      output: the file; it appears whole or not at all.
      session: a server with the model.
      advance: is told how many bytes of the input are done.

    Returns:
      How many rows there were.

    Raises:
      BuildError: the model or the server refused a piece; tells which rows.
      InputError: the input cannot be read.
    """
    partial = output.with_name(output.name + ".partial")
    try:
        with partial.open("wb") as file:
            written = writer(file)
            count = asyncio.run(_run(pieces, written, session, advance))
            written.finish()
        os.replace(partial, output)
    except OSError as error:
        raise BuildError(f"{error.filename or output}: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)
    return count


async def _run(pieces: Iterator[Piece], writer: Writer, session: Session, advance: Callable[[int], None]) -> int:
    options = GatewayOptions(
        triton=session.server.grpc_url,
        default_model=session.name,
        repository=session.repository,
        timeout=_TIMEOUT_SECONDS,
    )
    triton, scoring = Triton(options.triton), Scoring(_UNDER_WAY)
    waiting: deque[tuple[Piece, asyncio.Task[Reply]]] = deque()
    count = 0
    try:
        served = await Models(triton, options).get()

        async def write_first() -> None:
            nonlocal count
            piece, task = waiting.popleft()
            writer.add(_predictions(piece, await _answered(piece, task)))
            count += piece.rows
            advance(piece.size)

        for piece in pieces:
            waiting.append((piece, asyncio.create_task(scoring.reply(piece.body, piece.content_type, served))))
            if len(waiting) == _UNDER_WAY:
                await write_first()
        while waiting:
            await write_first()
        return count
    finally:
        for _, task in waiting:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        scoring.close()
        await triton.close()


async def _answered(piece: Piece, task: asyncio.Task[Reply]) -> Reply:
    try:
        return await task
    except errors.DeadlineExceededError:
        raise BuildError(f"{_where(piece)}: no answer after {_TIMEOUT_SECONDS:.0f} s") from None
    except errors.GatewayError as error:
        raise BuildError(f"{_where(piece)}: {error}") from None


def _predictions(piece: Piece, reply: Reply) -> object:
    document = json.loads(reply.body) if reply.status == 200 else None
    if not isinstance(document, dict) or "predictions" not in document:
        raise BuildError(f"{_where(piece)}: {_message(reply)}")
    return document["predictions"]


def _message(reply: Reply) -> str:
    with contextlib.suppress(ValueError, TypeError, KeyError):
        return str(json.loads(reply.body)["message"])
    return reply.body.decode(errors="replace")


def _where(piece: Piece) -> str:
    last = piece.first + piece.rows - 1
    return f"row {last}" if last == piece.first else f"rows {piece.first} to {last}"
