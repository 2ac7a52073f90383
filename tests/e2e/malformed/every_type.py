"""A model from code: gives back what it gets."""

import mlflow
from mlflow.pyfunc import PythonModel


class EveryType(PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input


mlflow.models.set_model(EveryType())
