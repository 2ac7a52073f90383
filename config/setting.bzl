"""A string build setting whose error says what was given, what is allowed and what to do."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")

_DOC = "A string setting restricted to `values`; an unknown value fails with the allowed ones and a way out."

_ATTRS = {
    "hint": attr.string(doc = "What to do when the wanted version is missing."),
    "values": attr.string_list(mandatory = True, doc = "Allowed values."),
}

def _version_setting_impl(ctx):
    given = ctx.build_setting_value
    if given not in ctx.attr.values:
        fail("{label}={given} is not supported; allowed are {values}. {hint}".format(
            label = "--" + str(ctx.label).lstrip("@"),
            given = given,
            values = ", ".join(ctx.attr.values),
            hint = ctx.attr.hint,
        ))
    return [BuildSettingInfo(value = given)]

version_setting = rule(
    implementation = _version_setting_impl,
    doc = _DOC,
    attrs = _ATTRS,
    build_setting = config.string(flag = True),
)
