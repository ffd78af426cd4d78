"""Where hasten keeps what is not part of any project: the cache of facts."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path | None:
    """Return the directory of the cache: from `HASTEN_CACHE_DIR`, else the system's place for it.

    None for a user without a home directory, as in some containers.
    """
    given = os.environ.get("HASTEN_CACHE_DIR")
    if given:
        return Path(given).absolute()
    # Imported late: not every command needs it.
    import platformdirs

    try:
        found = platformdirs.user_cache_path("hasten", appauthor=False)
    except RuntimeError:
        return None
    # Before 4.14, what cannot be found is given as `~`.
    return found if found.is_absolute() else None
