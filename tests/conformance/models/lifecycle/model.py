"""Writes a line to the file named in the config for each step of its life."""

import json
import os
import time

import triton_python_backend_utils as pb_utils
from model_helpers import respond


class TritonPythonModel:
    def initialize(self, args):
        parameters = json.loads(args["model_config"])["parameters"]
        self.end = parameters["end"]["string_value"]
        self.journal = parameters["journal"]["string_value"]
        self.instance = args["model_instance_name"]
        self.version = args["model_version"]
        self.note("initialize")

    def note(self, step):
        with open(self.journal, "a", encoding="utf-8") as journal:
            journal.write(f"{self.instance} {self.version} {step}\n")

    def execute(self, requests):
        return [respond({"instance": self.instance, "version": self.version, "pid": os.getpid()}) for _ in requests]

    def finalize(self):
        self.note("finalize")
        if self.end == "raise":
            raise ValueError("finalize boom")
        if self.end == "log":
            pb_utils.Logger.log_info("a word in finalize")
        if self.end == "slow":
            time.sleep(2)
            self.note("finalized")
