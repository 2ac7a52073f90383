"""How a command fails: one line, and the exit status that says whose turn it is."""

from __future__ import annotations

import click


class InputError(click.ClickException):
    """What was given cannot work; the text says what was given, what is allowed and what to do. Exit status 2."""

    exit_code = 2


class BuildError(click.ClickException):
    """What was given is fine, but building failed. Exit status 1."""

    exit_code = 1
