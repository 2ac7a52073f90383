"""`triton_python_stub`: the native stub for one Python and one Triton release."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load(":providers.bzl", "TritonStubInfo")
load(":transitions.bzl", "ALLOWLIST_ATTR", "STUB_CPUS", "VERSION_ATTRS", "stub_transition")

_DOC = """The stub `triton_python_backend_stub`, compiled from `//stub` by the pinned toolchain.

```starlark
triton_python_stub(
    name = "stub",
    cpu = "aarch64",
    python_version = "3.12",
    triton_version = "24.10",
)
```
"""

_ATTRS = ALLOWLIST_ATTR | VERSION_ATTRS | {
    "cpu": attr.string(
        doc = "CPU of the server, `x86_64` or `aarch64`; empty: that of `--platforms`.",
        values = [""] + sorted(STUB_CPUS),
    ),
    "_python_version": attr.label(default = "//config:python_version"),
    "_stub": attr.label(
        default = "//stub:triton_python_backend_stub",
        allow_single_file = True,
    ),
    "_triton_version": attr.label(default = "//config:triton_version"),
}

def _triton_python_stub_impl(ctx):
    stub = ctx.actions.declare_file(ctx.label.name + "/triton_python_backend_stub")
    ctx.actions.symlink(output = stub, target_file = ctx.file._stub, is_executable = True)
    return [
        DefaultInfo(executable = stub, files = depset([stub]), runfiles = ctx.runfiles([stub])),
        TritonStubInfo(
            executable = stub,
            python_version = ctx.attr._python_version[BuildSettingInfo].value,
            triton_version = ctx.attr._triton_version[BuildSettingInfo].value,
        ),
    ]

triton_python_stub = rule(
    implementation = _triton_python_stub_impl,
    doc = _DOC,
    attrs = _ATTRS,
    cfg = stub_transition,
    executable = True,
)
