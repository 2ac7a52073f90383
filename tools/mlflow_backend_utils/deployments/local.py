"""`mlflow deployments run-local`: a server of its own for one model, until it is told to stop."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow_backend_utils.deployments import errors, flavors, options, target
from mlflow_backend_utils.deployments.client import download


def run_local(name: str, model_uri: str, flavor: str | None = None, config: Mapping[str, Any] | None = None) -> None:
    """Serve a model on this machine and print how to ask it; returns after Ctrl-C.

    Args:
        name: the model's name.
        model_uri: any URI of an MLflow model.
        flavor: see `target_help`.
        config: options, see `target_help`.

    Raises:
        MlflowException: the model, an option or the server does not allow it; the end of the server's log says why.
    """
    from mlflow_backend_utils.server import TritonServer, signals
    from mlflow_backend_utils.server.how_to_ask import print_how_to_ask
    from mlflow_backend_utils.server.triton_server import ServerError

    wanted = options.read(config)
    local = wanted.local or {}
    program = local.get("tritonserver") or shutil.which("tritonserver")
    if not program or not Path(program).is_file():
        raise errors.refused(
            f"there is no {program or 'tritonserver in PATH'}; give -C tritonserver=PATH, the program of a server."
        )
    port = local.get("http_port", "0")
    if not port.isdigit():
        raise errors.refused(f"option http_port is '{port}'; give a number.")
    signals.end_as_by_ctrl_c()
    with tempfile.TemporaryDirectory(prefix="mlflow-deploy-") as scratch:
        model = download(model_uri, Path(scratch))
        models = Path(scratch, "models")
        flavors.lay_out(flavors.choose(model, flavor), model, target.check_name(name), 1, wanted, models / name)
        backends = [Path(local["backend"])] if "backend" in local else []
        try:
            with TritonServer(models, Path(program), backends, http_port=int(port) or None) as server:
                print_how_to_ask(server, models, [name])
                while True:
                    time.sleep(1)
        except KeyboardInterrupt:
            return
        except ServerError as error:
            raise errors.failure(str(error), "INTERNAL_ERROR") from None
