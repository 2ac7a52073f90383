"""Does a list of steps with metrics; what it makes lives on in the next request."""

import gc
import json
import threading

import triton_python_backend_utils as pb_utils
from model_helpers import free_memory, mode, parameters, respond


class TritonPythonModel:
    def initialize(self, args):
        self.objects = {}
        # Used before the first request: the server answers from `initialize` on.
        family = pb_utils.MetricFamily(
            name=args["model_name"] + "_loads", description="at load", kind=pb_utils.MetricFamily.COUNTER
        )
        self.load = (family, family.Metric(labels={"version": args["model_version"]}))
        self.load[1].increment(1)

    def execute(self, requests):
        return [respond(getattr(self, "do_" + mode(request))(request)) for request in requests]

    def do_free(self, request):
        return free_memory()

    def do_steps(self, request):
        return [self.step(*one) for one in json.loads(parameters(request)["steps"])]

    def do_threads(self, request):
        """Four threads increment one metric and log."""
        metric = self.objects[parameters(request)["metric"]]

        def work(thread):
            for number in range(100):
                metric.increment(1)
                pb_utils.Logger.log_info(f"metric thread {thread} line {number:03d}")
                assert metric.value() >= number

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return metric.value()

    def step(self, action, name, *values):
        """What the step gives, or the type and the text of its exception."""
        try:
            return getattr(self, "step_" + action, self.call(action))(name, *values)
        except Exception as error:
            return [type(error).__name__, str(error)]

    def call(self, action):
        return lambda name, *values: getattr(self.objects[name], action)(*values)

    def step_family(self, name, kind, description="described"):
        kind = getattr(pb_utils.MetricFamily, kind)
        self.objects[name] = pb_utils.MetricFamily(name=name, description=description, kind=kind)

    def step_metric(self, name, family, labels=None, *buckets):
        self.objects[name] = self.objects[family].Metric(labels, *buckets)

    def step_drop(self, name):
        del self.objects[name]
        gc.collect()
