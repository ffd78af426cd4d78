"""Carry out the edits of `cache-pure-loaders`: they are decorators, which the engine adds."""

from __future__ import annotations

from hasten.api import DecoratorTransformer


class CachePureLoadersTransformer(DecoratorTransformer):
    """Add the decorators that it was told to."""
