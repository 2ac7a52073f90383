"""Asks another model outside of `execute`, where the parameter `place` of the config says."""

import json

import triton_python_backend_utils as pb_utils
from model_helpers import made_request, respond


def ask(decoupled):
    made_request({"model": "identity", "inputs": [["IN", "int32", [1], [1]]]}).exec(decoupled=decoupled)


class TritonPythonModel:
    @staticmethod
    def auto_complete_config(config):
        if config.as_dict()["parameters"]["place"]["string_value"] == "auto_complete":
            ask(False)
        return config

    def initialize(self, args):
        self.place = json.loads(args["model_config"])["parameters"]["place"]["string_value"]
        if self.place.startswith("initialize"):
            ask(self.place.endswith("decoupled"))

    def execute(self, requests):
        return [respond(None) for _ in requests]

    def finalize(self):
        if self.place == "finalize":
            try:
                ask(False)
            except pb_utils.TritonModelException as error:
                pb_utils.Logger.log_info(f"finalize was told: {error}")
