"""The command `undo`."""

from __future__ import annotations

import click

from hasten.cli import streams
from hasten.cli.options import examples
from hasten.cli.places import here, shown_from


@click.command("undo", epilog=examples("hasten undo", "hasten undo --list", "hasten undo 3"))
@click.argument("run", type=click.IntRange(min=1), required=False, metavar="[RUN]")
@click.option("--list", "listed", is_flag=True, help="List the runs that there are, the last one first.")
@click.option("-q", "--quiet", is_flag=True, help="Say only what went wrong.")
def undo_command(run: int | None, *, listed: bool, quiet: bool) -> int:
    """Take the last apply back, or the one with the number RUN.

    Every file gets the content that it had before. A file that was changed since is left as it is.
    """
    cwd = here()  # some versions of Python cannot even import the rest in a directory that is gone
    from hasten.apply import undo
    from hasten.discover import find_root
    from hasten.journal import runs

    root = find_root([], cwd)
    if listed:
        known = runs(root)
        rows = [[str(each.id), each.started, each.state, str(len(each.files))] for each in known]
        if rows:
            streams.write_text(
                "".join(f"{line}\n" for line in streams.aligned([["run", "started", "state", "files"], *rows]))
            )
        elif not quiet:
            streams.say(f"there are no runs in {root}")
        return 0
    undone = undo(root, run)
    shown = shown_from(root)
    for problem in undone.problems:
        streams.fail(f"{shown(problem.path)}: {problem.message}")
    if quiet:
        pass
    elif undone.run is None:
        streams.say(f"there is nothing to undo in {root}")
    else:
        removed = f", removed {len(undone.removed)}" if undone.removed else ""
        count = len(undone.restored)
        streams.say(f"restored {count} {'file' if count == 1 else 'files'}{removed} (run {undone.run})")
    return 2 if undone.problems else 0
