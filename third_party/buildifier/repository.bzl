"""buildifier, the formatter of BUILD files, from the npm registry as the machine is set up."""

# `npm pack @bazel/buildifier@VERSION` and sha256sum of what it writes.
_VERSION = "8.2.1"
_SHA256 = "b96ea9b13003036c801f52bee6f9b0314738f8432e5cb9d814c89f59292604ee"

_CPUS = {
    "aarch64": "arm64",
    "amd64": "amd64",
    "arm64": "arm64",
    "x86_64": "amd64",
}

def _fetch(rctx):
    """None, or why buildifier cannot be had."""
    npm = rctx.which("npm")
    if not npm:
        return "npm is not on PATH"
    done = rctx.execute([npm, "pack", "--silent", "@bazel/buildifier@" + _VERSION], timeout = 300)
    if done.return_code:
        return "npm pack failed: " + done.stderr
    archive = "bazel-buildifier-{}.tgz".format(_VERSION)
    digest = rctx.execute(["sha256sum", archive]).stdout.partition(" ")[0]
    if digest != _SHA256:
        fail("{}: wanted sha256 {}, found {}. Fetch again, or pin anew if the package has changed.".format(
            archive,
            _SHA256,
            digest,
        ))
    rctx.extract(archive)
    rctx.delete(archive)
    return None

def _buildifier_impl(rctx):
    why = _fetch(rctx)
    if why:
        rctx.file("buildifier", "", executable = True)
        rctx.file("why_not", why)
    else:
        rctx.symlink("package/buildifier-linux_" + _CPUS[rctx.os.arch], "buildifier")
    rctx.file("BUILD", "exports_files([\"buildifier\"])\n")

buildifier_tool = repository_rule(
    implementation = _buildifier_impl,
    doc = "`//:buildifier`; an empty file where npm cannot be had.",
)
