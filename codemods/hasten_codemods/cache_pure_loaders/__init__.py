"""Keep what functions load or compute in `functools.cache`.

A function that reads and parses the same schema, template or table each time that it is called does so once, if its
result is kept; and so does one that computes the same thing in loops, or that calls itself twice, as in
`fib(n - 1) + fib(n - 2)`. Adding `@functools.cache` is easy; knowing where nobody can tell is what this codemod does.

Nothing is cached without `--unsafe` or `--accept CCH010`: what follows is what is looked for, and how it can be missed
is said with the codes.

A function is cached if it is *pure*: it changes nothing, and reads nothing that changes, and neither does anything that
it calls, in all files of the program. What is called from elsewhere must be in a table of functions that were looked
at. Reading a file is pure if the file belongs to the package: its path begins with `__file__` or
`importlib.resources.files`, the rest of it is written out, and it does not lead out of the package; and if no place of
the program may write it, whatever way its name takes there.

Every caller then gets the same object. So its result must be one that nobody can change, such as text, or it is
followed through the program, and nobody is seen to change it.

A method that uses nothing of its object becomes a static method, and is cached for all objects together. One without
further parameters hands its work on to a `functools.cached_property`, and is called as before: its object keeps the
result. That is always `unsafe`: it may read of its object only what is given a value when the object is made and
cannot be changed itself, but nobody can prove that an object stays as it is. Other methods are refused.

It has to be worth it, too: a loop that calls it with the same arguments, a function that serves requests, or one way
through the program that leads to several calls. Functions that are called once are left alone, without many words.

A function that loads nothing is looked at if it goes through a range of numbers, through a loop within a loop, or round
in a `while` where it is given nothing but numbers: to go once through what it is given takes hardly longer than to find
the result that was kept. Requests that bring arguments of their own are no reason then, since there is no end of what
they may ask for.

What it does not see: files of the package that are edited while the program runs; monkeypatches from outside of the
program; values that are compared by `is` in templates; operators that classes of the program define for themselves;
locale settings. Where the project says that it runs on Python 3.8, which has no `functools.cache`, it is written as
`functools.lru_cache(maxsize=None)`.

See <https://docs.python.org/3/library/functools.html#functools.lru_cache>.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from hasten.api import Codemod, Finding, Option, Program, Settings
from hasten_codemods.cache_pure_loaders import codes

if TYPE_CHECKING:
    from hasten.api import Transformer


#: How many results are kept by default.
MAXSIZE = 128
#: Paths of files that the system makes up whenever they are read.
LIVE = r"^/(?:proc|sys|run|dev(?!/null$))(?:/|$)"


class CachePureLoaders(Codemod):
    """`def schema(): return json.loads(FILE.read_text())` gets `@functools.cache`, where nobody can tell."""

    contract: ClassVar[str] = (
        "Equal arguments give the same result as before, and it may be the same object. What the function reads is "
        "read once in a process. No change is `safe`, since none of this can be proven of Python. The best that there "
        "is has the hazard CCH010 and no other: the function and all that it calls is seen to be pure, the files that "
        "it reads belong to its package, its arguments are seen to have a hash, and its result cannot be changed, or "
        "is followed to all its uses and changed by none."
    )
    triggers: ClassVar[tuple[bytes, ...]] = (
        b"read_text",
        b"read_bytes",
        b"read_binary",
        b"open",
        b"open_text",
        b"open_binary",
        b"load",
        b"loads",
        b"safe_load",
        b"safe_load_all",
        b"get_data",
        b"ElementTree",
        b"metadata",
        b"listdir",
        b"reader",
        b"DictReader",
        b"ast",
        b"yaml",
        b"Version",
        b"SpecifierSet",
        b"Requirement",
        b"get_close_matches",
        b"decompress",
    )
    literals: ClassVar[tuple[str, ...]] = (LIVE,)
    codes = codes.CODES
    options: ClassVar[tuple[Option, ...]] = (
        Option("maxsize", int, MAXSIZE, "How many results are kept of a function whose arguments cannot be counted."),
        Option(
            "freshness",
            str,
            "none",
            "What is done about files that may change: `mtime` looks at the time and size of the file before each use, "
            "through a module `_caching.py` that is written into the package.",
            choices=("none", "mtime"),
        ),
        Option(
            "returns",
            str,
            "same",
            "What callers get: the `same` object; a deep `copy` where one of them changes it or hasten cannot follow "
            "it; or, where it cannot, a `view` that nobody can change.",
            choices=("same", "copy", "view"),
        ),
    )

    def may_have_site(self, path: str, data: bytes) -> bool:
        """Tell whether a file without a trigger may have a function that computes, which no word tells."""
        from hasten_codemods.cache_pure_loaders.sighting import may_compute

        return may_compute(path, data)

    def analyse(self, program: Program, settings: Settings) -> Iterator[Finding]:
        """Yield a change or a refusal for every function in the target files that loads, parses or computes."""
        from hasten_codemods.cache_pure_loaders.analysis import Analysis

        return Analysis(program, self.name, settings).findings()

    def prepare(self) -> None:
        """Import the analysis."""
        import hasten_codemods.cache_pure_loaders.analysis  # noqa: F401

    def transformer(self) -> type[Transformer]:
        """Return the transformer."""
        from hasten_codemods.cache_pure_loaders.transformer import CachePureLoadersTransformer

        return CachePureLoadersTransformer
