"""A model from code that fills its network with a saved state dict."""

from __future__ import annotations

from typing import Any

import mlflow
import networks
import numpy as np
import torch


class Weighted(mlflow.pyfunc.PythonModel):
    def load_context(self, context: Any) -> None:
        self.network = networks.Wide().eval()
        self.network.load_state_dict(torch.load(context.artifacts["weights"], weights_only=True))

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        with torch.no_grad():
            return {"classes": self.network(torch.from_numpy(np.asarray(model_input["rows"])))}


mlflow.models.set_model(Weighted())
