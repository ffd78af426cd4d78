"""The commands `preview` and `apply`, as the command line declares them; `hasten.cli.work` does what they say."""

from __future__ import annotations

from typing import Any

import click

from hasten.cli.options import (
    Options,
    choosing,
    committing,
    common,
    examples,
    limiting,
    metadata,
    named,
    printing,
    verifying,
    writing,
)
from hasten.cli.places import here

_paths = click.argument("paths", nargs=-1, metavar="[PATHS]...", callback=named)


@click.command(
    "preview",
    epilog=examples(
        "hasten preview src",
        "hasten preview --select json-to-orjson --unsafe -v src/app.py",
        "hasten preview --since main --check",
    ),
)
@_paths
@limiting
@choosing
@printing
@metadata
@common
def preview_command(**given: Any) -> int:  # noqa: ANN401 - the options, as declared above
    """Show as diffs what would be rewritten, and write nothing.

    PATHS are files and directories, the current directory by default; `-` is standard input. The diffs go to standard
    output, ready for `git apply`; everything else goes to standard error.
    """
    here()  # some versions of Python cannot even import the rest in a directory that is gone
    from hasten.cli import work

    return work.preview(Options(**given))


@click.command(
    "apply",
    epilog=examples(
        "hasten apply src",
        "hasten apply --verify pytest --commit-each",
        "hasten apply --resume",
    ),
)
@_paths
@limiting
@choosing
@printing
@metadata
@writing
@click.option("--resume", is_flag=True, help="Finish the last run, which was killed, and do nothing else.")
@verifying
@committing
@common
def apply_command(**given: Any) -> int:  # noqa: ANN401 - as above
    """Write the changes that `preview` shows; `hasten undo` takes them back.

    PATHS are files and directories, the current directory by default. With `-` or `--stdin-filename`, the rewritten
    text goes to standard output and no file is written.
    """
    here()  # some versions of Python cannot even import the rest in a directory that is gone
    from hasten.cli import work

    return work.apply(Options(**given))
