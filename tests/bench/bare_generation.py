"""A pipeline as MLflow loads it, alone: what streamed generation costs without a server.

usage: PROGRAM MODEL

Runs in the model's execution environment. Each line of the standard input is a JSON object, `text` and parameters of
the pipeline; the answer is a line with the seconds until the first token was there and until the last was.
"""

import json
import sys
import time

import mlflow.transformers
from transformers.generation import BaseStreamer


class _Clock(BaseStreamer):
    """Notes when tokens come; nothing is decoded."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.moments: list[float] = []

    def put(self, value: object) -> None:
        self.moments.append(time.perf_counter() - self.start)

    def end(self) -> None:
        pass


def main() -> None:
    pipeline = mlflow.transformers.load_model(sys.argv[1])
    print("ready", flush=True)
    for line in sys.stdin:
        options = json.loads(line)
        clock = _Clock()
        pipeline([options.pop("text")], streamer=clock, **options)
        # The prompt comes first.
        print(json.dumps({"first": clock.moments[1], "last": clock.moments[-1]}), flush=True)


if __name__ == "__main__":
    main()
