"""Which of the Pythons this machine has, and what stands for the tests of those that it has not."""

load("@python_3_10//:status.bzl", _REASON_3_10 = "REASON")
load("@python_3_11//:status.bzl", _REASON_3_11 = "REASON")
load("@python_3_12//:status.bzl", _REASON_3_12 = "REASON")
load("@python_3_13//:status.bzl", _REASON_3_13 = "REASON")
load("@python_3_14//:status.bzl", _PRIVATE_LIBC_3_14 = "PRIVATE_LIBC", _REASON_3_14 = "REASON")
load("@python_3_9//:status.bzl", _REASON_3_9 = "REASON")
load("//tests/skipped:skipped.bzl", "skipped_test")

_REASONS = {
    "3.10": _REASON_3_10,
    "3.11": _REASON_3_11,
    "3.12": _REASON_3_12,
    "3.13": _REASON_3_13,
    "3.14": _REASON_3_14,
    "3.9": _REASON_3_9,
}

# Whether the newest Python of this machine is good for tests alone.
PRIVATE_LIBC_3_14 = _PRIVATE_LIBC_3_14

def missing_python_test(name, python_version):
    """Declares a test that is skipped, and prints why, where this machine cannot have a Python.

    Args:
      name: name of the test that needs that Python.
      python_version: minor version, e.g. `3.14`.

    Returns:
      Whether it was declared; if not, the machine has that Python, and the caller declares the real test.
    """
    reason = _REASONS[python_version]
    if not reason:
        return False
    skipped_test(name, reason)
    return True
