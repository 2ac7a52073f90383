"""An agent from code."""

import mlflow
from assistants import Agent

mlflow.models.set_model(Agent())
