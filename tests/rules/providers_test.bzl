"""What the rules give: providers, output names, actions."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//rules:providers.bzl", "CondaPackEnvInfo", "TritonModelInfo", "TritonStubInfo")

def _model_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    info = target[TritonModelInfo]
    asserts.equals(env, "my_model", info.model_name)
    asserts.equals(env, "3.12", info.python_version)
    asserts.equals(env, "24.10", info.triton_version)
    asserts.true(env, info.tree.is_directory)
    asserts.equals(env, [info.tree], target[DefaultInfo].files.to_list())
    mnemonics = [action.mnemonic for action in analysistest.target_actions(env)]
    for mnemonic in ["TritonConfig", "TritonModel", "CheckRequirements", "CheckModelLoads"]:
        asserts.true(env, mnemonic in mnemonics, mnemonic + " is no action of the target")
    return analysistest.end(env)

model_test = analysistest.make(
    _model_test_impl,
    config_settings = {str(Label("//config:python_version")): "3.12"},
)

def _env_test_impl(ctx):
    env = analysistest.begin(ctx)
    info = analysistest.target_under_test(env)[CondaPackEnvInfo]
    asserts.true(env, info.archive.basename.endswith(".tar.gz"))
    asserts.true(env, info.directory.is_directory)
    asserts.equals(env, "3.13", info.python_version)
    return analysistest.end(env)

env_test = analysistest.make(
    _env_test_impl,
    config_settings = {str(Label("//config:python_version")): "3.13"},
)

def _stub_test_impl(ctx):
    env = analysistest.begin(ctx)
    info = analysistest.target_under_test(env)[TritonStubInfo]
    asserts.equals(env, "triton_python_backend_stub", info.executable.basename)
    asserts.equals(env, "3.10", info.python_version)
    asserts.equals(env, "25.01", info.triton_version)
    return analysistest.end(env)

stub_test = analysistest.make(_stub_test_impl)
