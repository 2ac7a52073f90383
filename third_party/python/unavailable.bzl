"""What stands for a CPython or a lock that there is not: an error for those who use it, and for nobody else."""

def _unavailable_impl(ctx):
    fail(ctx.attr.message)

unavailable = rule(
    implementation = _unavailable_impl,
    doc = "Fails with `message` when a target that depends on it is built.",
    attrs = {"message": attr.string(mandatory = True, doc = "What was looked for, and what to do.")},
)
