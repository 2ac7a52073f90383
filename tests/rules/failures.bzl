"""Analysis failures: each says what was given, what is allowed and what to do."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")

def _failure_test_impl(ctx):
    env = analysistest.begin(ctx)
    for part in ctx.attr.messages:
        asserts.expect_failure(env, part)
    return analysistest.end(env)

_ATTRS = {
    "messages": attr.string_list(mandatory = True, doc = "Texts that the failure holds."),
}

# Fails to analyse, in the configuration as it is.
failure_test = analysistest.make(
    _failure_test_impl,
    attrs = _ATTRS,
    expect_failure = True,
)

def _setting_failure_test(settings):
    return analysistest.make(
        _failure_test_impl,
        attrs = _ATTRS,
        config_settings = settings,
        expect_failure = True,
    )

# Fails to analyse with a version that there is not, or not for models.
unknown_python_test = _setting_failure_test({str(Label("//config:python_version")): "2.7"})
python_without_lock_test = _setting_failure_test({str(Label("//config:python_version")): "3.9"})
unknown_triton_test = _setting_failure_test({str(Label("//config:triton_version")): "1.0"})
