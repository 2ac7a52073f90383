"""Sends one gRPC request again and again, as fast as the answers come, as http_load does over HTTP.

usage: grpc_load HOST:PORT REQUEST_FILE CONNECTIONS SECONDS

REQUEST_FILE holds a serialized ModelInferRequest. One thread and one connection a client; answers are not parsed.
Prints one JSON object like http_load.
"""

import json
import sys
import threading
import time
from pathlib import Path

import grpc

_METHOD = "/inference.GRPCInferenceService/ModelInfer"


def _client(url: str, request: bytes, end: float, times: list[float]) -> None:
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(url, options) as channel:
        ask = channel.unary_unary(_METHOD)
        before = time.monotonic()
        while before < end:
            ask(request, timeout=60)
            after = time.monotonic()
            times.append(after - before)
            before = after


def main(argv: list[str]) -> None:
    url, path, connections, seconds = argv
    request = Path(path).read_bytes()
    start = time.monotonic()
    times: list[list[float]] = [[] for _ in range(int(connections))]
    threads = [
        threading.Thread(target=_client, args=(url, request, start + float(seconds), own), daemon=True) for own in times
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - start
    every = sorted(value for own in times for value in own)
    shares = {f"p{share}": every[int(share / 100 * (len(every) - 1))] * 1e6 for share in (50, 90, 99)}
    print(json.dumps({"requests": len(every), "errors": 0, "seconds": took, **shares}))


if __name__ == "__main__":
    main(sys.argv[1:])
