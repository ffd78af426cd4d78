"""Whether several tasks can run a function at once: the engine answers that; this is its old place."""

from __future__ import annotations

from hasten.concurrency import Tasks

__all__ = ["Tasks"]
