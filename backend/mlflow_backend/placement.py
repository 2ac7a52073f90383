"""Where an instance runs: the GPU, or the lack of one, that its instance group says.

Libraries look for a GPU when they are imported, so this comes before MLflow. The process belongs to one instance: it is
shown its own GPU as the only one, or none, and whatever the model does by itself ends up there.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping

_VISIBLE = "CUDA_VISIBLE_DEVICES"
# MLflow moves models of these flavors to a device by itself; each wants it in words of its own.
_DEFAULT_DEVICE = "MLFLOW_DEFAULT_PREDICTION_DEVICE"
_DEVICE_OF_FLAVOR = {"transformers": {"cpu": "-1", "gpu": "0"}, "pytorch": {"cpu": "cpu", "gpu": "cuda:0"}}


def apply(environment: MutableMapping[str, str], kind: str, device_id: int, flavors: Iterable[str]) -> None:
    """Change the variables of this process for its instance.

    Args:
        environment: `os.environ`.
        kind: `model_instance_kind` as Triton hands it over: CPU, GPU, AUTO or MODEL; with the last two the model
            decides.
        device_id: `model_instance_device_id`: among the GPUs that the server sees.
        flavors: the model's flavors. A default device that is set already stays.
    """
    if kind == "GPU":
        seen = [device.strip() for device in environment.get(_VISIBLE, "").split(",") if device.strip()]
        environment[_VISIBLE] = seen[device_id] if device_id < len(seen) else str(device_id)
    elif kind == "CPU":
        environment[_VISIBLE] = ""
    else:
        return
    for flavor, names in _DEVICE_OF_FLAVOR.items():
        if flavor in flavors:
            environment.setdefault(_DEFAULT_DEVICE, names[kind.lower()])
