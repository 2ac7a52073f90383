"""A `ResponsesAgent`, which MLflow has from version 3 on."""

from mlflow.pyfunc import ResponsesAgent
from mlflow.types.responses import ResponsesAgentResponse


class Responder(ResponsesAgent):
    """Answers with one text item."""

    def predict(self, request):
        last = request.input[-1].content
        item = self.create_text_output_item(text=f"{last} {len(request.input)}", id="item-1")
        return ResponsesAgentResponse(output=[item], custom_outputs=request.custom_inputs)
