"""A remote-execution farm in one process, for tests: Debian's `justbuild execute`."""

_BUILD = """# Written by //third_party/farm:repository.bzl.
package(default_visibility = ["//visibility:public"])

# `justbuild` with all it needs, or `reason`: why this machine has none.
filegroup(
    name = "farm",
    srcs = glob(
        [
            "farm/justbuild*",
            "farm/lib/*",
            "farm/reason",
        ],
        allow_empty = True,
    ),
)
"""

def _farm_repository_impl(rctx):
    # Both folders are watched by naming their files: an edit fetches anew.
    script = rctx.path(Label("//third_party/farm:fetch.sh"))
    rctx.path(Label("//third_party/bazel:common.sh"))
    scripts = rctx.path(Label("//third_party/bazel:debian.sh")).dirname
    rctx.file("BUILD", _BUILD)
    bash = rctx.which("bash")
    if not bash or rctx.os.name != "linux":
        rctx.file("farm/reason", "The farm needs Linux and bash.\n")
        return
    done = rctx.execute([bash, script, scripts, "farm"], timeout = 600)
    if done.return_code:
        rctx.file("farm/reason", "Fetching the farm failed:\n" + done.stdout + done.stderr)

_farm_repository = repository_rule(
    implementation = _farm_repository_impl,
    doc = "Debian's `justbuild` and its libraries, through apt as the machine is set up.",
    environ = [
        "BAZELW_DEBIAN_MIRROR",
        "PATH",
    ],
)

def farm_repository(name = "farm"):
    """Declares `@<name>//:farm`: the files of the farm, or a file `reason` that says why there is none.

    Never fails: a machine that cannot have a farm builds and tests all the rest.

    Args:
      name: name of the repository.
    """
    _farm_repository(name = name)
