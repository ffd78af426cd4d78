"""What a run that was killed asks of the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    if run is not None:
        message = (
            f"run {run} was killed before its end; `hasten apply --resume` finishes it, `hasten undo` takes it back"
        )
        raise UsageError(message)
