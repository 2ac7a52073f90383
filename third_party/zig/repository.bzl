"""The repository `@zig_sdk`: a C++ toolchain for Linux from the wheel `ziglang`."""

load("//third_party/wheels:repository.bzl", "fetch_wheel", "host_cpu", "run_script")

# Runs zig's clang driver with a private cache. The runtime comes prebuilt (see build_runtime.sh) and is always on the link
# line; `-lpthread` and friends would make zig build its own again, so they are taken out of the parameter file.
_DRIVER = """#!/bin/sh
: "${ZIG_GLOBAL_CACHE_DIR:=${TMPDIR:-/tmp}/zig-cache}"
export ZIG_GLOBAL_CACHE_DIR ZIG_LOCAL_CACHE_DIR="$ZIG_GLOBAL_CACHE_DIR"
zig="${0%/*}/../ziglang/zig"
drop='-l(c|m|dl|rt|util|pthread|gcc|gcc_s|stdc[+][+]|c[+][+])|-static-lib(gcc|stdc[+][+])'
case "${1-}" in
@*)
    mkdir -p "$ZIG_GLOBAL_CACHE_DIR"
    parameters="$ZIG_GLOBAL_CACHE_DIR/parameters.$$"
    grep -vxE -e "$drop" "${1#@}" > "$parameters"
    shift
    "$zig" "${ZIG_DRIVER:-c++}" "@$parameters" "$@"
    status=$?
    rm -f "$parameters"
    exit $status
    ;;
esac
exec "$zig" "${ZIG_DRIVER:-c++}" "$@"
"""

_AR = """#!/bin/sh
: "${ZIG_GLOBAL_CACHE_DIR:=${TMPDIR:-/tmp}/zig-cache}"
export ZIG_GLOBAL_CACHE_DIR ZIG_LOCAL_CACHE_DIR="$ZIG_GLOBAL_CACHE_DIR"
exec "${0%/*}/../ziglang/zig" ar "$@"
"""

_BUILD = """
load("{main}//third_party/zig:toolchain.bzl", "zig_toolchain")

package(default_visibility = ["//visibility:public"])

[
    zig_toolchain(
        cpu = cpu,
        glibc = "{glibc}",
        host_cpu = "{host_cpu}",
    )
    for cpu in ["aarch64", "x86_64"]
]
"""

def _zig_sdk_impl(rctx):
    fetch_wheel(rctx, "ziglang", "whl")
    run_script(rctx, Label("//third_party/zig:unpack.py"), ["whl"], "unpacking ziglang")
    rctx.file("bin/zigcc", _DRIVER, executable = True)
    rctx.file("bin/zigar", _AR, executable = True)
    rctx.file("BUILD", _BUILD.format(
        glibc = rctx.attr.glibc,
        host_cpu = host_cpu(rctx),
        main = str(Label("//third_party/zig:x")).partition("//")[0],
    ))

zig_sdk = repository_rule(
    implementation = _zig_sdk_impl,
    doc = "zig as C and C++ toolchain for `x86_64` and `aarch64` Linux.",
    attrs = {
        "glibc": attr.string(default = "2.28", doc = "Oldest glibc that what is built must run on."),
    },
)
