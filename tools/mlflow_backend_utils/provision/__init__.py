"""From a saved model to something that a server loads, on this machine, with what was built before kept.

    ~/.cache/mlflow-backend/
        locks/KEY.lock            of the requirements that a model states
        environments/KEY/         packed for a lock, ready to use

Stub, backend and test server come from this project's workspace, where Bazel keeps them, or from where the user says.
"""
