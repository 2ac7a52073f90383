"""Decoupled: answers as often as its input PLAN says."""

import json
import threading
import time

import triton_python_backend_utils as pb_utils
from model_helpers import respond

_FINAL = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL


class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            plan = json.loads(pb_utils.get_input_tensor_by_name(request, "PLAN").as_numpy().ravel()[0])
            sender = request.get_response_sender()
            if plan.get("failure") == 0:
                raise ValueError("target boom")
            if "seconds" in plan:
                threading.Thread(target=self.send_all, args=(sender, plan)).start()
            else:
                self.send_all(sender, plan)

    def send_all(self, sender, plan):
        """Responses 0, 1, …; the last with the final flag if `final` says so, otherwise the flag comes alone."""
        count = plan["count"]
        for number in range(count):
            time.sleep(plan.get("seconds", 0))
            if number == plan.get("failure"):
                raise ValueError("target boom")
            response = respond([plan.get("name"), number])
            if number in plan.get("errors", []):
                response = pb_utils.InferenceResponse(error=pb_utils.TritonError(f"error {number}"))
            last = plan.get("final", False) and number == count - 1
            sender.send(response, flags=_FINAL if last else 0)
        if not plan.get("final", False) or count == 0:
            sender.send(flags=_FINAL)
