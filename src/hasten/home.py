"""Where hasten keeps what is not part of the user's tree: the cache, and the journal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal


def folder(kind: Literal["cache", "state"]) -> Path | None:
    """Return the directory of that kind: from `HASTEN_CACHE_DIR` or `HASTEN_STATE_DIR`, else the system's place for it.

    None for a user without a home directory, as in some containers.
    """
    given = os.environ.get(f"HASTEN_{kind.upper()}_DIR")
    if given:
        return Path(given).absolute()
    # Imported late: not every command needs it.
    import platformdirs

    find = platformdirs.user_cache_path if kind == "cache" else platformdirs.user_state_path
    try:
        found = find("hasten", appauthor=False)
    except RuntimeError:
        return None
    # Before 4.14, what cannot be found is given as `~`.
    return found if found.is_absolute() else None
