"""What a run that was killed asks of the next one."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from hasten.cli.places import here
from hasten.discover import find_root
from hasten.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def demand_finished(root: Path) -> None:
    """Refuse to go on where a run was killed half-way: what is there is neither old nor new.

    Raises:
        UsageError: it was.
    """
    from hasten.apply import unfinished

    run = unfinished(root)
    if run is None:
        return
    # The journal belongs to the root, and these find that from where they are called.
    elsewhere = f"cd {shlex.quote(str(root))} && " if find_root([], here()) != root else ""
    back = f"`{elsewhere}hasten undo` takes it back"
    if run.resumable:
        message = f"run {run.id} was killed before its end; `{elsewhere}hasten apply --resume` finishes it, {back}"
    else:
        message = (
            f"run {run.id}, a trial, has not ended; wait for the hasten that tests it, or if that was killed, {back}"
        )
    raise UsageError(message)
