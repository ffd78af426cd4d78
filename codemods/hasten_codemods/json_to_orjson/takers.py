"""Calls that look at files by their paths alone: copies, archives, commands, sizes, and lines of text."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, NamedTuple

from hasten.api import Call, Module, Program
from hasten_codemods.json_to_orjson.handlers import place_of

Shape = list[Any]

#: Functions by the module that they are in. A call of a method counts where its receiver was made by that module.
_TAKERS = {
    "linecache": ("getline", "getlines", "updatecache"),
    "fileinput": ("input", "FileInput"),
    "filecmp": ("cmp", "cmpfiles", "dircmp"),
    "shutil": ("copy", "copy2", "copyfile", "copytree", "move", "make_archive"),
    "subprocess": ("run", "call", "check_call", "check_output", "getoutput", "getstatusoutput", "Popen"),
    "asyncio": ("create_subprocess_exec", "create_subprocess_shell"),
    "os": ("stat", "lstat", "getsize", "system", "popen", "link"),
    "io": ("FileIO",),
    "zipfile": ("write",),
    "tarfile": ("add",),
    "flask": ("send_file", "send_from_directory"),
    "starlette": ("FileResponse",),
    "fastapi": ("FileResponse",),
    "aiohttp": ("FileResponse",),
    "boto3": ("upload_file",),
}
#: They take directories with all that is in them: which arguments those are.
_WHOLE = {
    "copytree": ((0, "src"),),
    "make_archive": ((2, "root_dir"), (3, "base_dir")),
    "dircmp": ((0, "a"), (1, "b")),
}
#: What `stat` tells that has nothing to do with what is in a file.
_SIZES = frozenset({"st_size", "st_blocks"})
_BREAKS = re.compile(r"[\s'\"=;|&<>()]+")
#: A path is looked for behind so many names and calls.
_MOST = 50


class Taken(NamedTuple):
    """A call, and the words of the texts that it takes: a command names files among others."""

    call: Call
    words: list[str]

    @property
    def place(self) -> str:
        """Return `path:line`."""
        return place_of(self.call.module, self.call.span.start)


class Takers:
    """The calls of one program that look at files by their paths."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self._program = program

    @cached_property
    def calls(self) -> list[Taken]:
        """Return the calls, those left out that only ask when a file was changed."""
        return [
            Taken(call, [word for each in paths for word in self._words(call.module, call.scope, each)])
            for call, paths in self._find()
        ]

    def _find(self) -> Iterator[tuple[Call, list[Shape]]]:
        for root, names in _TAKERS.items():
            for name in names:
                for call in self._program.calls_named(name, beside=frozenset({root})):
                    if self._is_of(call, root) and not _asks_no_size(call):
                        yield call, _given(call)
        for call in self._program.calls_named("stat", beside=_SIZES):
            of_path = call.function[0] == "a" and call.module.dotted(call.scope, call.function) is None
            if of_path and not _asks_no_size(call):
                yield call, [call.function[1]]

    def _is_of(self, call: Call, root: str) -> bool:
        dotted = call.module.dotted(call.scope, call.function)
        if dotted is None and call.function[0] == "a":
            dotted = self._program.constructed(call.module, call.scope, call.function[1])
        return dotted is not None and dotted.partition(".")[0] == root

    def _words(self, module: Module, scope: int, shape: Shape, seen: set[str] | None = None) -> list[str]:
        """Return the words of the texts in a shape, through variables."""
        seen = set() if seen is None else seen
        key = f"{module.path}:{scope}:{shape}"
        if key in seen or len(seen) > _MOST:
            return []
        seen.add(key)
        match shape:
            case ["k", "str", str() as text]:
                return [each for each in _BREAKS.split(text) if each]
            case ["f" | "?" | "b" | "l" | "t", list(parts)]:
                return [word for each in parts for word in self._words(module, scope, each, seen)]
            case ["o", _, left, right]:
                return [word for each in (left, right) for word in self._words(module, scope, each, seen)]
            case ["n", str(name)] if (found := module.lookup(scope, name)) is not None:
                return [
                    word
                    for each in found[1]
                    if each.kind == "assign" and each.payload
                    for word in self._words(module, each.scope, each.payload, seen)
                ] + [
                    word
                    for each in found[1]
                    if each.kind == "param" and module.scope(found[0]).kind == "function"
                    for call, given in self._program.arguments_for(module.scope(found[0]), name)
                    for word in self._words(call.module, call.scope, given, seen)
                ]
            case ["c", int() as index]:
                call = module.call(index)
                texts = [each.shape for each in call.arguments]
                texts += [call.function[1]] if call.function[0] == "a" else []  # `" ".join(...)`, `(path / "x").name`
                return [word for each in texts for word in self._words(module, call.scope, each, seen)]
            case _:
                return []


def takes(taken: Taken, ends: list[str], path: str) -> bool:
    """Tell whether one of the words names a file: it, a pattern for it, the end of its name, or a directory of it.

    Args:
        taken: the call.
        ends: how the path of the file may end.
        path: the whole path, where it is known.
    """
    if taken.call.tail in _WHOLE and all(posixpath.normpath(each) == "." for each in taken.words):
        return True  # the directory that the program runs in, or one that cannot be seen
    parts = path.split("/")
    folders = {"/".join(parts[:size]) for size in range(1, len(parts))} - {""}
    return any(
        posixpath.normpath(word) in folders or any(end and _names(word, end) for end in ([path] if path else ends))
        for word in taken.words
    )


def _names(word: str, path: str) -> bool:
    """Tell whether a word, or a text of which it is the end, may name the file at `path`, or match its name."""
    if not word.endswith((".json", ".jsonl", "*")):
        return False
    known = posixpath.normpath(word).removeprefix("/")
    return path.endswith(known) or f"/{known}".endswith(f"/{path}") or fnmatchcase(path, f"*{known}")


def _given(call: Call) -> list[Shape]:
    """Return the arguments of a call that may be paths."""
    whole = _WHOLE.get(call.tail)
    if whole is None:
        return [each.shape for each in call.arguments]
    return [each.shape for position, word in whole if (each := call.argument(position, word)) is not None]


def _asks_no_size(call: Call) -> bool:
    return call.tail in {"stat", "lstat"} and call.use[0] == "attr" and call.use[1] not in _SIZES
