"""Carry out the edits of `retry-api-calls`; every decision was taken before."""

from __future__ import annotations

from hasten.api import DecoratorTransformer


class RetryApiCallsTransformer(DecoratorTransformer):
    """Put the decorators on the functions."""
