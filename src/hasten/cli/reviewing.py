"""The command `review`, as the command line declares it; `hasten.cli.dialogue` leads it."""

from __future__ import annotations

from typing import Any

import click

from hasten.cli.options import Options, choosing, common, examples, metadata, named, surrounding, writing
from hasten.cli.places import here


@click.command("review", epilog=examples("hasten review src/store.py", "EDITOR=nano hasten review -U 10 src/store.py"))
@click.argument("file", callback=named)
@choosing
@surrounding
@metadata
@writing
@common
def review_command(file: str, **given: Any) -> int:  # noqa: ANN401 - the options, as declared above
    """Ask about the changes of one file, one by one, and write those that are accepted.

    Each question shows a diff, what stands against the change, and what else an answer decides, in other files too. One
    key answers: y takes the change, n leaves it, u takes the last answer back, q ends with what was accepted, and ?
    lists the others. Nothing is written before the last question, which is asked about all of it.

    With `--unsafe` and `--accept`, Enter takes what they name; else it takes what is safe.
    """
    here()  # some versions of Python cannot even import the rest in a directory that is gone
    from hasten.cli import dialogue

    return dialogue.review(Options(paths=(file,), **given))
