"""A model from code: columns in, columns out."""

import time

import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel


class Columns(PythonModel):
    """Output: `number` times the parameter `factor`, `text` or "-" where there is none, the day after `when`.

    Parameter `seconds`: how long the answer takes. Refuses negative numbers.
    """

    def predict(self, context, model_input, params=None):
        time.sleep(params["seconds"])
        if (model_input["number"] < 0).any():
            raise ValueError("no negative numbers")
        rows = len(model_input)
        when = model_input["when"] if "when" in model_input else pd.Series([pd.NaT] * rows, dtype="datetime64[ns]")
        return pd.DataFrame(
            {
                "number": model_input["number"] * params["factor"],
                "text": model_input["text"] if "text" in model_input else ["-"] * rows,
                "when": when + pd.Timedelta(days=1),
            }
        )


mlflow.models.set_model(Columns())
