"""Twenty requests to the model `identity` at once."""

import asyncio

import triton_python_backend_utils as pb_utils

_COUNT = 20


class TritonPythonModel:
    async def execute(self, requests):
        responses = []
        for request in requests:
            data = pb_utils.get_input_tensor_by_name(request, "IN")
            calls = [
                pb_utils.InferenceRequest(
                    model_name="identity", requested_output_names=["OUT"], inputs=[data]
                ).async_exec()
                for _ in range(_COUNT)
            ]
            answers = await asyncio.gather(*calls)
            for answer in answers:
                if answer.has_error():
                    raise pb_utils.TritonModelException(answer.error().message())
            output = pb_utils.get_output_tensor_by_name(answers[-1], "OUT")
            responses.append(pb_utils.InferenceResponse([output]))
        return responses
