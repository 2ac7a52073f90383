"""Loads and unloads other models, in `initialize` if the config says so."""

import json

import triton_python_backend_utils as pb_utils
from model_helpers import free_memory, made_request, parameters, respond, told


class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])["parameters"]
        self.ready = pb_utils.is_model_ready("identity")
        if "load" in config:
            pb_utils.load_model(model_name=config["load"]["string_value"])

    def execute(self, requests):
        return [respond([self.step(*one) for one in json.loads(parameters(request)["steps"])]) for request in requests]

    def step(self, action, *values):
        """What the step gives, or the type and the text of its exception."""
        try:
            return getattr(self, "step_" + action)(*values)
        except Exception as error:
            return [type(error).__name__, str(error)]

    def step_free(self):
        return free_memory()

    def step_load(self, name, options=None):
        pb_utils.load_model(name, **(options or {}))

    def step_load_with_files(self, name, config, files):
        pb_utils.load_model(
            model_name=name,
            config=config,
            files={path: bytes.fromhex(content) for path, content in files.items()},
        )

    def step_unload(self, name, *dependents):
        pb_utils.unload_model(name, *dependents)

    def step_ready(self, name, *version):
        return pb_utils.is_model_ready(name, *version)

    def step_ask(self, call):
        return told(made_request(call).exec())

    def step_wrong_files(self):
        pb_utils.load_model("identity", "{}", {"file:1/a": "text"})

    def step_ready_in_initialize(self):
        return self.ready
