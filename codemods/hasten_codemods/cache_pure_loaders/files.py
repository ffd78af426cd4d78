"""Which files belong to the program's own package, so that they stay as they are while it runs, and who writes them.

A path is the package's own if it begins with `__file__` or with what `importlib.resources` gives, goes on with names
that are written out, or that all callers write out, and does not leave the package.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from hasten.api import Call, Module, Program
from hasten_codemods.cache_pure_loaders import LIVE, tables
from hasten_codemods.cache_pure_loaders.escapes import Escapes
from hasten_codemods.cache_pure_loaders.paths import ANY, PACKAGE, TREE, Paths, parts_of_path
from hasten_codemods.cache_pure_loaders.readings import FileRead

Shape = list[Any]
_LIVE = re.compile(LIVE)

#: Errors of the system that may be gone the next time; `""` stands for all errors.
_OF_SYSTEM = frozenset({"", "OSError", "IOError", "EnvironmentError", "PermissionError", "Exception", "BaseException"})
#: Last names of functions and methods that write, move or remove a file that they are given, or are called on.
_WRITERS = ("write_text", "write_bytes", "open", "unlink", "touch", "rename", "replace", "remove", "removedirs")
_MOVERS = ("copy", "copy2", "copyfile", "copytree", "move", "rmtree", "urlretrieve", "extractall", "extract")
#: What is given a path and does not write there.
_ASKING = frozenset({"builtins.print", "builtins.len", "builtins.isinstance", "builtins.repr", "builtins.open"})
#: Functions whose names begin so read what they are given, whoever wrote them.
_READING = ("load", "safe_load", "full_load", "read", "parse", "send_file", "send_from_directory", "FileResponse")
_LOGGING = frozenset({"debug", "info", "warning", "error", "exception", "log", "append", "add", "format", "echo"})


class Files:
    """Answers for one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program
        self.paths = Paths(program)
        self.escapes = Escapes(program, self.paths, _is_known, _is_writing)
        self._roots: dict[str, str] = {}

    def trouble(self, read: FileRead) -> str:
        """Return why what a function reads may change while the program runs, empty if it is its package's."""
        if read.path is None:
            return ""
        found = self.paths.of(read.call.module, read.call.scope, read.path, read.chain)
        for each in sorted(found):
            if not self._is_own(read.call.module, each):
                return f"the file may change while the program runs ({read.place})"
        for each in sorted(found):
            written = self._written(each)
            if written:
                return written
        return ""

    def live(self, read: FileRead) -> str:
        """Return which file of the operating system may be read, which is another one each time, empty if none is seen.

        A file that is not the package's own is taken for one where the modules on the way to it name such files.
        """
        if read.path is None:
            return ""
        found = self.paths.of(read.call.module, read.call.scope, read.path, read.chain)
        if found and all(self._is_own(read.call.module, each) for each in found):
            return ""
        for module in {each.module.path: each.module for each in (read.call, *read.chain)}.values():
            for start, text, *_ in module.facts["strings"]:
                if _LIVE.match(text):
                    return f"`{text}` ({module.path}:{module.position(start).line})"
        return ""

    def _is_own(self, module: Module, path: str) -> bool:
        """Tell whether a path names a file in the package of a module, or in one that is installed."""
        parts = parts_of_path(path)
        if any(ANY in each for each in parts) or parts[0] not in {TREE, PACKAGE}:
            return False
        return parts[0] == PACKAGE or f"{'/'.join(parts[1:])}/".startswith(self._root(module))

    def _root(self, module: Module) -> str:
        """Return the directory of the package that a module belongs to, with a slash, or where the module lies."""
        if module.path not in self._roots:
            directory, root = module.path.rpartition("/")[0], None
            while directory and self.program.find(f"{directory}/__init__.py") is not None:
                root, directory = directory, directory.rpartition("/")[0]
            if root is None:
                # Packages need no `__init__.py`: the name under which it is imported tells how deep it lies.
                above = module.name.count(".") - (0 if module.is_package else 1)
                parts = module.path.split("/")[:-1]
                root = "/".join(parts[: len(parts) - above] if above > 0 else parts)
            self._roots[module.path] = f"{root}/" if root else ""
        return self._roots[module.path]

    # --- what becomes of errors -------------------------------------------------------------------------------------

    def swallowed(self, read: FileRead) -> str:
        """Return where an error of the system that a read raises is taken for a result, empty if it is nowhere.

        try:
            text = FILE.read_text()
        except OSError:
            text = ""
        """
        for call in (read.call, *read.chain):
            for guard in call.module.guards(call.guard):
                for types, _name, start, _end, kinds in guard.payload if guard.kind == "try" else ():
                    if {"Raise", "Reraise"}.isdisjoint(kinds[-1:]) and self._is_of_system(call, types):
                        return f"{call.module.path}:{call.module.position(start).line}"
        return ""

    def _is_of_system(self, call: Call, types: Shape | None) -> bool:
        """Tell whether a handler catches errors that need not come again."""
        shapes = types[1] if types is not None and types[0] == "t" else [types]
        names = [call.module.dotted(call.scope, each) if each is not None else "" for each in shapes]
        return any(each is None or each.removeprefix("builtins.") in _OF_SYSTEM for each in names)

    # --- who writes it ----------------------------------------------------------------------------------------------

    def _written(self, path: str) -> str:
        """Return in words where a file is written, or may be, empty if there is no such place in sight."""
        name = parts_of_path(path)[-1]
        self.program.want_like(_escaped(name))
        for each in ("write_text", "write_bytes", "replace", "copytree", "urlretrieve", "extractall"):
            self.program.want(each)
        return self.program.remember(
            f"cache-pure-loaders writers of {path}",
            lambda: next(self._writers(path), "") or next(self._takers(path), "") or self.escapes.of(path),
        )

    def _writers(self, path: str) -> Iterator[str]:
        for tail in (*_WRITERS, *_MOVERS):
            for call in self.program.calls_named(tail, want=False):
                if tail == "open" and not _is_writing(call):
                    continue
                if any(self._is(path, call, each) for each in _given(call)):
                    yield f"it is written at {_place(call)}"

    def _takers(self, path: str) -> Iterator[str]:
        """Yield what is given the path and is not known to leave the file alone: `urlretrieve(url, FILE)`."""
        for module in self.program.modules:
            for index in range(len(module.facts["calls"])):
                call = module.call(index)
                if call.tail in _LOGGING or not any(each.shape[0] in "naofclt" for each in call.arguments):
                    continue
                dotted = self.program.dotted(module, call.scope, call.function)
                if dotted is None or self.program.is_own(dotted) or _is_known(dotted):
                    continue
                if any(self._is(path, call, each) for each in _given(call)):
                    yield f"`{dotted.removeprefix('builtins.')}` is given it at {_place(call)}, and may write it"

    def _is(self, path: str, call: Call, shape: Shape) -> bool:
        """Tell whether an expression may be the path of a file, or of a directory that it lies in."""
        if shape[0] not in {"n", "a", "o", "f", "c", "k", "i", "b", "?"}:
            return False
        return any(_matches(each, path) for each in self.paths.of(call.module, call.scope, shape))


def _given(call: Call) -> Iterator[Shape]:
    """Yield what a call may mean a path by: its arguments, and what it is called on."""
    for each in call.arguments:
        yield from each.shape[1] if each.shape[0] in {"l", "t"} else [each.shape]
    if call.function[0] == "a":
        yield call.function[1]


def _matches(written: str, read: str) -> bool:
    """Tell whether a path that is written may be the one that is read, which has no `*`."""
    ours, theirs = parts_of_path(read), parts_of_path(written)
    if ours[0] == TREE and theirs[0] == TREE:
        # A directory stands for all that is in it, where it is written and where it is listed.
        return all(map(fnmatchcase, ours, theirs))
    if theirs[0] in {TREE, PACKAGE} and theirs[-1] in {TREE, PACKAGE}:
        return False
    if ANY in theirs[-1] or not theirs[-1]:
        return False
    ours, theirs = [[part for part in each if part not in {TREE, PACKAGE}] for each in (ours, theirs)]
    return all(fnmatchcase(one, other) for one, other in zip(reversed(ours), reversed(theirs), strict=False))


def _is_known(dotted: str) -> bool:
    """Tell whether a function from elsewhere is known to leave a file alone whose path it is given."""
    if dotted in tables.PURE or dotted in tables.READING or dotted in tables.PACKAGED or dotted in _ASKING:
        return True
    if dotted.rpartition(".")[2].startswith(_READING):
        return True
    return dotted in tables.RESOLVING or dotted.startswith(("os.path.", "logging.", "pathlib.", "importlib.", "sys."))


def _place(call: Call) -> str:
    return f"{call.module.path}:{call.module.position(call.span.start).line}"


def _is_writing(call: Call) -> bool:
    mode = call.argument(1 if call.function[0] == "n" else 0, "mode")
    if call.function[0] == "a" and call.module.dotted(call.scope, call.function) in {"os.open", "io.open", "gzip.open"}:
        mode = call.argument(1, "mode")
    return mode is not None and (mode.shape[:2] != ["k", "str"] or not set("wax+").isdisjoint(mode.shape[2] or "w"))


def _escaped(name: str) -> str:
    """Return a regular expression for a name, as it stands in a file."""
    return "".join(
        each if each.isalnum() or each == "_" else f"[{each}]" if each not in "^]\\[" else "." for each in name
    )
