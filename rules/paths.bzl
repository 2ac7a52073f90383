"""Paths in the runfiles of a program."""

def runfiles_path(ctx, file):
    """Where a file lies below the runfiles folder.

    Args:
      ctx: context of the rule.
      file: a File.

    Returns:
      `REPOSITORY/PATH`.
    """
    if file.short_path.startswith("../"):
        return file.short_path[len("../"):]
    return ctx.workspace_name + "/" + file.short_path
