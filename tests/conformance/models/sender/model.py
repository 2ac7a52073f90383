"""Takes the steps that the parameter `steps` names: sends, raises, returns; notes what `send` refuses."""

import json
import threading
import time

import triton_python_backend_utils as pb_utils
from model_helpers import free_memory, mode, parameters, respond

_FINAL = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL


def error(text):
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(text))


# Step -> the response that it sends, and the flags.
_SENT = {
    "send": lambda text: (respond(text), 0),
    "last": lambda text: (respond(text), _FINAL),
    "error": lambda text: (error(text), 0),
    "last_error": lambda text: (error(text), _FINAL),
    "final": lambda text: (None, _FINAL),
    "nothing": lambda text: (None, 0),
    "flag": lambda text: (respond("flag"), int(text)),
    "large": lambda text: (respond("x" * int(text)), 0),
}

# Steps of several sends.
_SENDING = ("many", "threads", "until_cancelled")


class TritonPythonModel:
    def initialize(self, args):
        self.decoupled = pb_utils.using_decoupled_model_transaction_policy(json.loads(args["model_config"]))
        self.refused = []
        self.kept = []
        self.tried = set()

    def execute(self, requests):
        results = [self.answer(request, len(requests)) for request in requests]
        if mode(requests[0]) == "none" or (self.decoupled and results == [None] * len(requests)):
            return None
        return results

    def answer(self, request, count):
        steps = parameters(request).get("steps", "").split()
        if "count" in steps:
            steps = [f"last:{count}"]
        return self.run(request, None, steps)

    def run(self, request, sender, steps):
        for number, step in enumerate(steps):
            verb, _, text = step.partition(":")
            if verb in _SENT:
                sender = sender or request.get_response_sender()
                self.send(sender, *_SENT[verb](text))
            elif verb in _SENDING:
                sender = sender or request.get_response_sender()
                getattr(self, "do_" + verb)(sender, text)
            elif verb == "later":
                sender = request.get_response_sender()
                threading.Thread(target=self.run, args=(None, sender, ["sleep:0.2", *steps[number + 1 :]])).start()
                return None
            else:
                result = getattr(self, "do_" + verb)(request, text)
                if result is not None:
                    return result
        return None

    def send(self, sender, response, flags):
        try:
            sender.send(response, flags)
        except pb_utils.TritonModelException as refusal:
            self.refused.append(str(refusal))

    def do_many(self, sender, text):
        for index in range(int(text)):
            self.send(sender, respond(index), 0)

    def do_threads(self, sender, text):
        """As many threads as it says, with a hundred responses each."""
        threads = [
            threading.Thread(target=lambda first=100 * index: self.send_range(sender, first))
            for index in range(int(text))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def send_range(self, sender, first):
        for index in range(100):
            self.send(sender, respond(first + index), 0)

    def do_until_cancelled(self, sender, text):
        """Responses until the client is gone; the server must not be asked about what it has deleted."""
        end = time.monotonic() + 10
        while not sender.is_cancelled() and time.monotonic() < end:
            self.send(sender, respond("more"), 0)
            time.sleep(0.02)
        self.refused.append(f"cancelled: {sender.is_cancelled()}")
        self.send(sender, None, _FINAL)
        self.refused.append(f"after final: {sender.is_cancelled()}")

    def do_sleep(self, request, text):
        time.sleep(float(text))

    def do_raise(self, request, text):
        raise ValueError(text)

    def do_return(self, request, text):
        return respond(text)

    def do_return_error(self, request, text):
        return error(text)

    def do_keep_sender(self, request, text):
        self.kept.append(request.get_response_sender())

    def do_keep_request(self, request, text):
        self.kept.append(request)

    def do_drop(self, request, text):
        self.kept.clear()

    def do_reschedule(self, request, text):
        """Once for each number."""
        if text not in self.tried:
            self.tried.add(text)
            request.set_release_flags(pb_utils.TRITONSERVER_REQUEST_RELEASE_RESCHEDULE)
            return None
        return respond(f"again {text}")

    # What a test asks in between: the answer is the sender's with a decoupled model, the result's with another.
    def reply(self, request, value):
        if not self.decoupled:
            return respond(value)
        request.get_response_sender().send(respond(value), _FINAL)
        return None

    def do_refused(self, request, text):
        refused, self.refused = self.refused, []
        return self.reply(request, refused)

    def do_free(self, request, text):
        return self.reply(request, free_memory())
