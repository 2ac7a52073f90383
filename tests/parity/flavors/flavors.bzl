"""The flavors that need PyTorch, with one set of wheels."""

load("//:defs.bzl", "conda_pack_env")
load("//tests/parity:parity.bzl", "parity_test")
load("//tests/skipped:skipped.bzl", "skipped_test")

# What programs need that work with a library, and what it tests itself with.
_EXCLUDED = [
    "*.a",
    "*/tests/*",
    "*/torch/bin/*Test",
    "*/torch/bin/protoc*",
    "*/torch/bin/test_*",
    "*/torch/include/*",
    "*/torch/share/*",
    "*/torch/test/*",
]

# Where the answers were computed may not be where they are compared: what all processors have, and one order of summing.
_NUMERICS = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "OMP_NUM_THREADS": "1",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
}

_ENV = _NUMERICS | {
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}

def flavors_test(name, lock, reason, **kwargs):
    """The models of `save_models.py` on a real server, if this machine has the wheels.

    Args:
      name: name of the test.
      lock: repository of the lock set.
      reason: why this machine lacks its wheels; empty: it has them.
      **kwargs: of `parity_test`.
    """
    if reason:
        skipped_test(name, reason)
        return
    conda_pack_env(
        name = name + "_env",
        testonly = True,
        exclude = _EXCLUDED,
        python_version = "3.11",
        requirements = "@" + lock,
        tags = ["manual"],
        # It is large, and takes a while to pack.
        visibility = ["//tests:__subpackages__"],
    )
    parity_test(
        name = name,
        size = "large",
        srcs = native.glob(
            ["*.py"],
            exclude = ["save_models.py"],
        ),
        env = _ENV,
        environment = name + "_env",
        many = 64,
        program = "save_models.py",
        python_version = "3.11",
        server_env = _ENV,
        **kwargs
    )
