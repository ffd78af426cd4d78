"""The module that is written into a package once, for caches that look at a file first, or give copies or views."""

from __future__ import annotations

from typing import Any

from hasten.api import Companion, ImportRequest, Module, Program, Scope, overwritten
from hasten_codemods.cache_pure_loaders.readings import FileRead

Shape = list[Any]

NAME = "_caching"
TEXT = '''\
"""Caches for files that change, and for results that callers might change."""

from __future__ import annotations

import copy
import functools
import inspect
import os
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, TypeVar

__all__ = ["copied", "fresh", "viewed"]

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def copied(function: FunctionT) -> FunctionT:
    """Give each caller a copy of its own of what a cached function gives."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return copy.deepcopy(function(*args, **kwargs))

    return _like(wrapper, function)


def viewed(function: FunctionT) -> FunctionT:
    """Give callers a view of the lists, dictionaries and sets that a function gives, which none of them can change."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return _view(function(*args, **kwargs))

    made: Any = wrapper
    return made


def _view(value: Any) -> Any:
    if type(value) is dict:
        return MappingProxyType({key: _view(each) for key, each in value.items()})
    if type(value) is list:
        return tuple(map(_view, value))
    return frozenset(value) if type(value) is set else value


def fresh(
    *, file: str | os.PathLike[str] = "", parameter: str = "", maxsize: int | None = 128
) -> Callable[[FunctionT], FunctionT]:
    """Keep results for as long as the file that is read stays as it is: the same file, of the same time and size.

    The file is given itself, or by the name of the parameter that is given its path. Where there is none, nothing is
    kept.
    """

    def decorate(function: FunctionT) -> FunctionT:
        signature = inspect.signature(function)

        @functools.lru_cache(maxsize, typed=True)
        def kept(_stamp: tuple[int, ...], *args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            given = signature.bind(*args, **kwargs)
            given.apply_defaults()
            try:
                found = os.stat(given.arguments[parameter] if parameter else file)
            except (OSError, TypeError, ValueError):
                return function(*args, **kwargs)
            stamp = found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
            return kept(stamp, *args, **kwargs)

        return _like(wrapper, kept)

    return decorate


def _like(wrapper: Any, kept: Any) -> Any:
    """Give a function that looks something up in a cache what the cache has."""
    wrapper.cache_clear = kept.cache_clear
    wrapper.cache_info = kept.cache_info
    return wrapper
'''
#: They make a path of a path.
_KEEPING = frozenset({"pathlib.Path", "builtins.str", "os.fspath"})


class Keeping(Companion):
    """Where the module goes, how it is imported, and what is written to use it."""

    def __init__(self, program: Program, codemod: str) -> None:
        """Take the program, and the name of the codemod."""
        super().__init__(program, codemod, NAME, TEXT)

    def request(self, module: Module) -> ImportRequest:
        """Return the import that `module` needs."""
        package = self.package(module)
        return ImportRequest(module.path, package, NAME) if package else ImportRequest(module.path, NAME)

    def trouble(self, module: Module) -> str:
        """Return why it cannot be used in `module`, or an empty string."""
        found = module.bindings(0, NAME)
        if any(each.kind != "import" for each in found):
            return f"`{NAME}` is bound to something of its own at line {module.position(found[0].start).line}"
        place = overwritten(self.program, module, NAME)
        if place is not None:
            return f"a star import of this module would take `{NAME}` in the place of another one ({place})"
        return super().trouble(module)


def one_file(program: Program, function: Scope, reads: tuple[FileRead, ...]) -> str:
    """Return how the one file that a function reads is named in a decorator, empty where it reads others or hides it.

    `parameter="path"` or `file=FILE`.
    """
    found = {_name(program, function, each) for each in reads}
    return found.pop() if len(found) == 1 else ""


def _name(program: Program, function: Scope, read: FileRead) -> str:
    if read.path is None or read.chain:
        return ""
    module, scope = read.call.module, read.call.scope
    shape: Shape = read.path
    while shape[0] == "c":
        call = module.call(shape[1])
        if module.dotted(call.scope, call.function) not in _KEEPING or len(call.arguments) != 1:
            return ""
        shape = call.arguments[0].shape
    if shape[0] != "n":
        return ""
    found = module.lookup(scope, shape[1])
    if found is None:
        return ""
    owner, bindings = found
    if owner == function.number and [each.kind for each in bindings] == ["param"]:
        return f'parameter="{shape[1]}"'
    binding = program.only_binding(module, 0, shape[1], patches=False) if owner == 0 else None
    plain = binding is not None and binding.kind == "assign" and binding.start < function.span.start
    return f"file={shape[1]}" if plain else ""
