"""Real Triton servers for tests, from the wheel `nvidia-pytriton`."""

load("//third_party/wheels:repository.bzl", "fetch_wheel", "run_script")

# Release of Triton -> row of //third_party:versions.bzl that holds it.
TRITON_WHEELS = {
    "23.10": "nvidia-pytriton==0.4.2",
    "23.12": "nvidia-pytriton==0.5.0",
    "24.03": "nvidia-pytriton==0.5.5",
    "24.07": "nvidia-pytriton==0.5.10",
    "24.10": "nvidia-pytriton==0.7.0",
}

_BUILD = """
package(default_visibility = ["//visibility:public"])

# The server as the wheel lays it out: the libraries find each other by relative run paths.
filegroup(
    name = "server",
    srcs = glob(["pytriton/tritonserver/**", "nvidia_pytriton.libs/**"]),
)

exports_files(["pytriton/tritonserver/bin/tritonserver"])

alias(
    name = "tritonserver",
    actual = "pytriton/tritonserver/bin/tritonserver",
)

# The stubs that came with this server, to compare with.
[
    filegroup(
        name = "stub_" + version,
        srcs = glob(
            ["pytriton/tritonserver/python_backend_stubs/%s/triton_python_backend_stub" % version],
            allow_empty = True,
        ),
    )
    for version in ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14"]
]
"""

def _triton_server_impl(rctx):
    version = rctx.attr.version
    if version not in TRITON_WHEELS:
        fail("triton.server(version = \"{}\"): no wheel holds this release; there are {}.".format(
            version,
            ", ".join(TRITON_WHEELS),
        ))
    fetch_wheel(rctx, TRITON_WHEELS[version], "whl")
    run_script(rctx, Label("//third_party/triton:unpack.py"), ["whl"], "unpacking Triton " + version)
    rctx.file("BUILD", _BUILD)

triton_server = repository_rule(
    implementation = _triton_server_impl,
    doc = "A Triton server: `//:server` (all files), `//:tritonserver` (the program).",
    attrs = {
        "version": attr.string(mandatory = True, doc = "Release, e.g. `24.10`."),
    },
)
