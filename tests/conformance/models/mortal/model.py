"""Dies in many ways and at many times; where `dies_at` of its config says so already at the start."""

import ctypes
import json
import os
import resource
import signal
import threading
import time

import triton_python_backend_utils as pb_utils
from model_helpers import free_memory, mode, parameters, respond


def exhaust():
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    ctypes.CDLL(None).malloc.restype = ctypes.c_void_p
    ctypes.memset(ctypes.CDLL(None).malloc(ctypes.c_size_t(1 << 40)), 1, 1 << 20)


_ENDS = {
    "exit": lambda: os._exit(7),
    "crash": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "exhaust": exhaust,
}


def die_at(config, place):
    value = config["parameters"].get("dies_at", {}).get("string_value")
    if value == place and not os.path.exists(config["parameters"]["lives_if"]["string_value"]):
        os.kill(os.getpid(), signal.SIGSEGV)


class TritonPythonModel:
    @staticmethod
    def auto_complete_config(config):
        die_at(config.as_dict(), "auto_complete_config")
        return config

    def initialize(self, args):
        config = json.loads(args["model_config"])
        die_at(config, "initialize")
        marker = config["parameters"].get("raises_if", {}).get("string_value", "")
        if os.path.exists(marker):
            raise RuntimeError("no luck this time")
        self.config = config
        self.decoupled = pb_utils.using_decoupled_model_transaction_policy(config)

    def execute(self, requests):
        responses = [self.answer(request) for request in requests]
        return None if self.decoupled else responses

    def answer(self, request):
        verb = mode(request)
        if verb.startswith("later_"):
            threading.Timer(0.2, _ENDS[verb.removeprefix("later_")]).start()
        elif verb == "sleep":
            time.sleep(float(parameters(request)["seconds"]))
        elif verb == "open":
            # Answers go out some time after `execute`, if ever.
            sender = request.get_response_sender()
            sender.send(respond("open"))
            threading.Timer(60, sender.send, (respond("late"), 1)).start()
            return None
        elif verb == "sent":
            request.get_response_sender().send(respond("sent"), 1)
            os.abort()
        elif verb == "log":
            for number in range(200):
                pb_utils.Logger.log_info(f"line {number}")
            os.abort()
        elif verb in ("bls", "bls_dies"):
            if verb == "bls_dies":
                threading.Timer(0.3, os.abort).start()
            call = pb_utils.InferenceRequest(
                model_name=parameters(request)["target"],
                requested_output_names=["RESULT"],
                inputs=request.inputs(),
                parameters={"mode": "sleep", "seconds": parameters(request)["seconds"]},
            )
            return call.exec()
        elif verb in _ENDS:
            _ENDS[verb]()
        answer = respond(free_memory() if verb == "free" else os.getpid())
        if self.decoupled:
            request.get_response_sender().send(answer, 1)
            return None
        return answer

    def finalize(self):
        die_at(self.config, "finalize")
