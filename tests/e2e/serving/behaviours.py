"""A model from code, which is many: what `predict` does is what the model's own configuration says."""

import os
import time

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc import PythonModel


def _widths(array, params):
    """Of each row its sum, and how many rows `predict` got with it."""
    return np.column_stack([array.sum(axis=1), np.full(len(array), float(len(array)))])


def _hungry(frame, params):
    """As much memory as the greatest value says, in MiB; says in which process."""
    hoard = np.ones(int(frame["mebibytes"].max()) << 17)
    return pd.DataFrame({"mebibytes": [int(hoard.nbytes) >> 20], "process": [os.getpid()]})


def _slow(frame, params):
    """Its input, after as many seconds."""
    time.sleep(float(frame["seconds"].max()))
    return frame


BEHAVIOURS = {
    "hungry": _hungry,
    "slow": _slow,
    "total": lambda frame, params: frame.sum(axis=1),
    "widths": _widths,
}


class Behaviour(PythonModel):
    def predict(self, context, model_input, params=None):
        return BEHAVIOURS[context.model_config["behaviour"]](model_input, params)


mlflow.models.set_model(Behaviour())
