"""QEMU for programs of another CPU, for tests: Debian's `qemu-user-static` and the C library of aarch64."""

_BUILD = """# Written by //third_party/qemu:repository.bzl.
package(default_visibility = ["//visibility:public"])

# The emulator and the files of `sysroot/lib`, or `reason`: why this machine has none.
filegroup(
    name = "qemu",
    srcs = glob(
        [
            "qemu/qemu-aarch64-static",
            "qemu/sysroot/lib/*",
            "qemu/reason",
        ],
        allow_empty = True,
    ),
)
"""

def _qemu_repository_impl(rctx):
    # Both folders are watched by naming their files: an edit fetches anew.
    script = rctx.path(Label("//third_party/qemu:fetch.sh"))
    rctx.path(Label("//third_party/bazel:common.sh"))
    scripts = rctx.path(Label("//third_party/bazel:debian.sh")).dirname
    rctx.file("BUILD", _BUILD)
    bash = rctx.which("bash")
    if not bash or rctx.os.name != "linux":
        rctx.file("qemu/reason", "It needs Linux and bash.\n")
        return
    done = rctx.execute([bash, script, scripts, "qemu"], timeout = 600)
    if done.return_code:
        rctx.file("qemu/reason", "Fetching QEMU failed:\n" + done.stdout + done.stderr)

_qemu_repository = repository_rule(
    implementation = _qemu_repository_impl,
    doc = "Debian's `qemu-user-static`, through apt as the machine is set up, checked by digest.",
    environ = [
        "BAZELW_DEBIAN_MIRROR",
        "PATH",
    ],
)

def qemu_repository(name = "qemu"):
    """Declares `@<name>//:qemu`: the files, or a file `reason` that says why there are none.

    Never fails: a machine that cannot have it builds and tests all the rest.

    Args:
      name: name of the repository.
    """
    _qemu_repository(name = name)
