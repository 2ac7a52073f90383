"""Header-only C++ libraries from wheels."""

load("//third_party/wheels:repository.bzl", "fetch_wheel", "run_script")

_BUILD = """
load("@rules_cc//cc:defs.bzl", "cc_library")

cc_library(
    name = "headers",
    hdrs = glob(["{include}/**"]),
    includes = ["{include}"],
    visibility = ["//visibility:public"],
)
"""

def _wheel_headers_impl(rctx):
    fetch_wheel(rctx, rctx.attr.package, "whl")
    run_script(
        rctx,
        Label("//third_party/headers:unpack.py"),
        ["whl", rctx.attr.include],
        "unpacking " + rctx.attr.package,
    )
    rctx.file("BUILD", _BUILD.format(include = rctx.attr.include))

wheel_headers = repository_rule(
    implementation = _wheel_headers_impl,
    doc = "`//:headers`: the folder `include` of the pinned wheel `package`.",
    attrs = {
        "include": attr.string(mandatory = True, doc = "Folder in the wheel that goes on the include path."),
        "package": attr.string(mandatory = True, doc = "A row of `//third_party:versions.bzl`."),
    },
)
