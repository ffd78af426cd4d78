"""The codes of hazards and refusals that hasten itself gives, whatever the codemod."""

from __future__ import annotations

from hasten import plan, unread

ENGINE_CODES = (*plan.CODES, *unread.CODES)
