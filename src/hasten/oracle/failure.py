"""The error of this package."""

from __future__ import annotations

from hasten.errors import HastenError


class OracleError(HastenError):
    """The type checker is missing, fails, or does not come to an end."""
