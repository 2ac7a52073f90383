"""Blocks, or ends its own process."""

import ctypes
import os
import time

from model_helpers import mode, parameters, respond


class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            seconds = float(parameters(request).get("seconds", "0"))
            if mode(request) == "sleep":
                time.sleep(seconds)
            elif mode(request) == "hold_gil":
                ctypes.PyDLL(None).usleep(int(seconds * 1e6))
            elif mode(request) == "exit":
                os._exit(7)
            elif mode(request) == "crash":
                ctypes.string_at(0)
        return [respond({"number": int(request.inputs()[0].as_numpy()[0]), "pid": os.getpid()}) for request in requests]
