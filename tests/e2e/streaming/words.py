"""A model from code: says a text word by word."""

import itertools
import time

import mlflow
from mlflow.pyfunc import PythonModel


class Words(PythonModel):
    """Input: a column `text`. Output: `word`, one of them a piece, or the whole text in capitals.

    Parameters: seconds before each word, and whether to begin again at the end of the text.
    """

    def predict(self, context, model_input, params=None):
        return [{"word": text.upper()} for text in model_input["text"]]

    def predict_stream(self, context, model_input, params=None):
        words = model_input["text"].split()
        for word in itertools.cycle(words) if params["endless"] else words:
            time.sleep(params["seconds"])
            if word == "stop":
                raise ValueError("no further")
            yield {"word": word}


mlflow.models.set_model(Words())
