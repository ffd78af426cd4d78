"""The codes of hazards and refusals that hasten itself gives, whatever the codemod."""

from __future__ import annotations

from hasten import plan, unread
from hasten.async_codes import ASYNC_CODES
from hasten.conversion_codes import CONVERSION_CODES
from hasten.strategy_codes import STRATEGY_CODES

ENGINE_CODES = (*plan.CODES, *unread.CODES, *ASYNC_CODES, *CONVERSION_CODES, *STRATEGY_CODES)
