"""Configuration transitions on the Python and Triton versions."""

load("//config:versions.bzl", "DEFAULT_PYTHON_VERSION", "DEFAULT_TRITON_VERSION")

PYTHON_VERSION = str(Label("//config:python_version"))
TRITON_VERSION = str(Label("//config:triton_version"))

# Needed by Bazel up to 7 in every rule with a transition; harmless later.
ALLOWLIST_ATTR = {
    "_allowlist_function_transition": attr.label(
        default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
    ),
}

# For rules that let a target choose its own versions.
VERSION_ATTRS = {
    "python_version": attr.string(
        doc = "Minor version of CPython, e.g. `3.12`; empty: that of `//config:python_version`.",
    ),
    "triton_version": attr.string(
        doc = "Triton release, e.g. `24.10`; empty: that of `//config:triton_version`.",
    ),
}

def _versions_impl(settings, attr):
    return {
        PYTHON_VERSION: attr.python_version or settings[PYTHON_VERSION],
        TRITON_VERSION: attr.triton_version or settings[TRITON_VERSION],
    }

# The target's own `python_version` and `triton_version` win over the settings.
versions_transition = transition(
    implementation = _versions_impl,
    inputs = [PYTHON_VERSION, TRITON_VERSION],
    outputs = [PYTHON_VERSION, TRITON_VERSION],
)

# A CPU of the server to its platform.
STUB_CPUS = {
    "aarch64": str(Label("//platforms:linux_aarch64")),
    "x86_64": str(Label("//platforms:linux_x86_64")),
}

_PLATFORMS = "//command_line_option:platforms"

def _stub_impl(settings, attr):
    return _versions_impl(settings, attr) | {
        _PLATFORMS: [STUB_CPUS[attr.cpu]] if attr.cpu else settings[_PLATFORMS],
    }

# As `versions_transition`; the target's own `cpu` wins over `--platforms`.
stub_transition = transition(
    implementation = _stub_impl,
    inputs = [PYTHON_VERSION, TRITON_VERSION, _PLATFORMS],
    outputs = [PYTHON_VERSION, TRITON_VERSION, _PLATFORMS],
)

def _python_impl(settings, attr):
    return {
        PYTHON_VERSION: getattr(attr, "python_version", "") or settings[PYTHON_VERSION],
        TRITON_VERSION: DEFAULT_TRITON_VERSION,
    }

# For what does not depend on the Triton release: one configuration, so one action for all releases.
python_transition = transition(
    implementation = _python_impl,
    inputs = [PYTHON_VERSION],
    outputs = [PYTHON_VERSION, TRITON_VERSION],
)

def _tool_impl(_settings, _attr):
    return {
        PYTHON_VERSION: DEFAULT_PYTHON_VERSION,
        TRITON_VERSION: DEFAULT_TRITON_VERSION,
    }

# For programs that actions run: the same one, whatever is being built. Our Python programs run on the machine's own CPU.
tool_transition = transition(
    implementation = _tool_impl,
    inputs = [],
    outputs = [PYTHON_VERSION, TRITON_VERSION],
)
