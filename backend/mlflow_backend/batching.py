"""Many requests, one `predict`.

Triton hands over a list of requests and stacks nothing. It batches requests with different parameters together, so they
are grouped here by everything that `predict` cannot mix. When a group fails, it is halved until the request that the
model cannot take stands alone: with n requests at most 2 n - 1 calls, and each good request is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from mlflow_backend.errors import BackendError, from_exception
from mlflow_backend.requests import DecodedRequest

Answer = TypeVar("Answer")


def groups(requests: Sequence[DecodedRequest], max_rows: int) -> list[list[int]]:
    """Indices of requests that can share one `predict`, in order of arrival.

    Args:
        max_rows: rows of one group; a single larger request is a group of its own. 0: no stacking at all.
    """
    if max_rows == 0 or len(requests) == 1:
        return [[index] for index in range(len(requests))]
    # Open group of each key, and the rows in it.
    open_groups: dict[object, tuple[list[int], int]] = {}
    result: list[list[int]] = []
    for index, request in enumerate(requests):
        key = request.batch_key()
        members, rows = open_groups.get(key, ([], 0))
        if not members or rows + request.rows > max_rows:
            members, rows = [], 0
            result.append(members)
        members.append(index)
        open_groups[key] = (members, rows + request.rows)
    return result


def answer_each(
    requests: Sequence[DecodedRequest],
    predict: Callable[[Sequence[DecodedRequest]], list[Answer]],
) -> list[Answer | BackendError]:
    """The answer or the error of each request of one group; one request's failure is its own.

    Args:
        predict: answers all its requests at once, or raises.
    """
    try:
        answers = predict(requests)
    except Exception as error:
        if len(requests) == 1:
            return [from_exception(error)]
        middle = len(requests) // 2
        return answer_each(requests[:middle], predict) + answer_each(requests[middle:], predict)
    return list(answers)
