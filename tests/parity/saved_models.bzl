"""Many saved MLflow models in one folder."""

def _saved_models_impl(ctx):
    folder = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run(
        executable = ctx.executable.trainer,
        arguments = ["--output", folder.path],
        outputs = [folder],
        # Sets and dicts of strings must iterate alike in every run, or pickles differ.
        env = {"PYTHONHASHSEED": "0"},
        mnemonic = "SaveModels",
        progress_message = "Saving %{label}",
    )
    return [DefaultInfo(files = depset([folder]))]

saved_models = rule(
    implementation = _saved_models_impl,
    doc = "A folder with a folder for each model, as `trainer` saves them in the folder given by `--output`.",
    attrs = {
        "trainer": attr.label(
            mandatory = True,
            executable = True,
            # Not `exec`: the models must be saved by the Python and the packages that will load them.
            cfg = "target",
            doc = "The program.",
        ),
    },
)
