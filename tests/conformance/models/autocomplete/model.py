"""Completes its config in the way that the parameter `mode` of the config says."""

import json

import triton_python_backend_utils as pb_utils
from model_helpers import respond


class TritonPythonModel:
    @staticmethod
    def auto_complete_config(config):
        mode = config.as_dict()["parameters"]["mode"]["string_value"]
        if mode == "raise":
            raise ValueError("auto-complete boom")
        if mode == "wrong_type":
            return "text"
        if mode == "none":
            return None
        if mode == "log":
            pb_utils.Logger.log_info("a word in auto-complete")
        if mode in ("add", "decoupled", "log"):
            config.add_input({"name": "IN", "data_type": "TYPE_INT32", "dims": [1]})
            config.add_output({"name": "RESULT", "data_type": "TYPE_STRING", "dims": [1]})
            config.set_max_batch_size(4 if mode == "add" else 0)
            if mode == "add":
                config.set_dynamic_batching()
            if mode == "decoupled":
                config.set_model_transaction_policy({"decoupled": True})
        return config

    def initialize(self, args):
        self.config = json.loads(args["model_config"])

    def execute(self, requests):
        return [respond(self.config["max_batch_size"]) for _ in requests]
