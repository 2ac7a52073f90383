"""Asks the model `bls_target` several times at once, from `async def execute`; decoupled if its config says so."""

import asyncio
import json

import triton_python_backend_utils as pb_utils
from model_helpers import made_request, respond


class TritonPythonModel:
    def initialize(self, args):
        self.decoupled = pb_utils.using_decoupled_model_transaction_policy(json.loads(args["model_config"]))

    async def execute(self, requests):
        responses = [await self.answer(request) for request in requests]
        if not self.decoupled:
            return responses
        for request, response in zip(requests, responses, strict=True):
            sender = request.get_response_sender()
            sender.send(response)
            sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
        return None

    async def answer(self, request):
        plan = json.loads(pb_utils.get_input_tensor_by_name(request, "PLAN").as_numpy()[0])
        calls = [
            {"model": "bls_target", "inputs": [["PLAN", "object", [1], [json.dumps({"number": number})]]]}
            for number in range(plan["count"])
        ]
        answers = await asyncio.gather(*[made_request(call).async_exec() for call in calls])
        texts = [answer.output_tensors()[0].as_numpy()[0] for answer in answers]
        return respond([json.loads(text)["plan"]["number"] for text in texts])
