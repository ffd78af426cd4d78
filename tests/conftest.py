"""What all tests share."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from hasten.cache import Cache
from hasten.index.program import Program
from hasten.reading import Reader
from hasten.workers import Workers

if TYPE_CHECKING:
    from pathlib import Path


def pytest_configure() -> None:
    """Take Ctrl-C as a program in the foreground does: a job in the background ignores it, as would its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def program_of(tmp_path: Path) -> Callable[[str], Program]:
    """Return a function that makes a program of one file, `app.py`, from its text."""

    def make(text: str) -> Program:
        (tmp_path / "app.py").write_text(text, encoding="utf-8")
        reader = Reader(tmp_path, {}, (b"",), (), 1, Cache(None))
        reader.look(["app.py"], lambda _n: None)
        with Workers(1) as pool:
            modules, failed = reader.index(["app.py"], pool, lambda _n: None)
        assert not failed
        return Program(modules, frozenset({"app.py"}), frozenset({"app.py"}))

    return make
