"""Logs at each level from each place."""

import threading

import triton_python_backend_utils as pb_utils
from model_helpers import mode, respond


def log_all(place):
    logger = pb_utils.Logger
    logger.log_info(f"{place} info")  # line 11
    logger.log_warn(f"{place} warning")
    logger.log_error(f"{place} error")
    logger.log_verbose(f"{place} verbose")
    logger.log(f"{place} plain")
    logger.log(f"{place} explicit", logger.WARNING)
    logger.log(message=f"{place} level", level=logger.LogLevel.ERROR)


class TritonPythonModel:
    def __init__(self):
        log_all("init")

    def initialize(self, args):
        log_all("initialize")

    def execute(self, requests):
        if mode(requests[0]) == "many":
            for number in range(10_000):
                pb_utils.Logger.log_info(f"many {number:05d}")
        elif mode(requests[0]) == "text":
            pb_utils.Logger.log_info("first line\nsecond line")
            pb_utils.Logger.log_info("größe 💡")
            pb_utils.Logger.log_info("")
            pb_utils.Logger.log_info("y" * 100_000)
        elif mode(requests[0]) == "threads":
            threads = [threading.Thread(target=self.log_from, args=(number,)) for number in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        else:
            log_all("execute")
        return [respond(None) for _ in requests]

    def log_from(self, thread):
        for number in range(100):
            pb_utils.Logger.log_info(f"thread {thread} line {number:03d}")

    def finalize(self):
        log_all("finalize")
