"""What stands for tests that a machine cannot run."""

load("//rules:py.bzl", "settled_py_test")

def skipped_test(name, reason):
    """Declares a test that is skipped, and prints why.

    Args:
      name: name of the test that it stands for.
      reason: why this machine cannot run it, and what to do.
    """
    settled_py_test(
        name = name,
        size = "small",
        srcs = ["//tests/skipped:skipped_test.py"],
        env = {"REASON": reason},
        main = "//tests/skipped:skipped_test.py",
        deps = ["//third_party/requirements:tools"],
    )
