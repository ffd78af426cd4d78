"""The module that `fallback = true` writes into a package: orjson where it is, the standard library elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from hasten.api import Applicability, Change, ImportRequest, Module, Position, Program, Span, TextEdit

NAME = "_fastjson"
_FUNCTIONS = ("dumps", "dumps_bytes", "loads")

TEXT = '''\
"""JSON through orjson where it is installed, through the standard library elsewhere.

Both ways read the same documents and write the same text: UTF-8, without spaces, or indented by two.
NaN is the exception: orjson writes `null`, the standard library `NaN`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

try:
    import orjson
except ImportError:
    orjson = None  # type: ignore[assignment]

__all__ = ["dumps", "dumps_bytes", "loads"]


def loads(document: str | bytes | bytearray) -> Any:
    """Return the value of a JSON document; raises `json.JSONDecodeError`."""
    if orjson is None:
        return json.loads(document)
    return orjson.loads(document)


def dumps_bytes(
    value: Any, default: Callable[[Any], Any] | None = None, indent: bool = False, sort_keys: bool = False
) -> bytes:
    """Return a JSON document as UTF-8; `indent` is two spaces or none."""
    if orjson is None:
        text = json.dumps(
            value,
            default=default,
            ensure_ascii=False,
            indent=2 if indent else None,
            separators=(",", ": ") if indent else (",", ":"),
            sort_keys=sort_keys,
        )
        return text.encode()
    option = orjson.OPT_NON_STR_KEYS
    if default is not None:
        option |= orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
    if indent:
        option |= orjson.OPT_INDENT_2
    if sort_keys:
        option |= orjson.OPT_SORT_KEYS
    return orjson.dumps(value, default=default, option=option)


def dumps(
    value: Any, default: Callable[[Any], Any] | None = None, indent: bool = False, sort_keys: bool = False
) -> str:
    """Return a JSON document as text; `indent` is two spaces or none."""
    return dumps_bytes(value, default=default, indent=indent, sort_keys=sort_keys).decode()
'''


def is_shim(module: Module) -> bool:
    """Tell whether a module is one that hasten wrote: it uses `json` on purpose, and stays as it is."""
    named = module.path.rpartition("/")[2] == f"{NAME}.py"
    return named and all(module.bindings(0, each) for each in _FUNCTIONS)


class Shim:
    """Where the shim of each package goes, and how it is called."""

    def __init__(self, program: Program, codemod: str) -> None:
        """Take the program."""
        self.program = program
        self.codemod = codemod
        self.needed: dict[str, Module] = {}

    def path(self, module: Module) -> str:
        """Return the path of the shim that serves `module`: in its outermost package, or beside a lone script."""
        depth = module.name.count(".") + (1 if module.is_package else 0)
        folders = module.path.split("/")[:-1]
        top = folders[: len(folders) - depth + 1] if depth else folders
        return "/".join([*top, f"{NAME}.py"])

    def package(self, module: Module) -> str:
        """Return the dotted name of the package that holds the shim, empty for a lone script."""
        return module.name.partition(".")[0] if "." in module.name or module.is_package else ""

    def key(self, module: Module) -> str:
        """Return the key of the change that creates the shim, and note that it is needed."""
        path = self.path(module)
        self.needed.setdefault(path, module)
        return f"shim:{path}"

    def callee(self, function: str) -> str:
        """Return the expression that calls a function of the shim."""
        return f"{NAME}.{function}"

    def request(self, module: Module) -> ImportRequest:
        """Return the import that `module` needs."""
        package = self.package(module)
        return ImportRequest(module.path, package, NAME) if package else ImportRequest(module.path, NAME)

    def trouble(self, module: Module) -> str | None:
        """Return why the name of the shim cannot be used in `module`."""
        path = self.path(module)
        there = next((each for each in self.program.modules if each.path == path), None)
        if path in self.program.paths and (there is None or not is_shim(there)):
            return f"`{path}` is there already, and is not hasten's"
        if not self.package(module) and "/" in module.path:
            return f"it lies in a folder without `__init__.py`, from which `{NAME}` may not be found"
        if self.package(module) and self._runs_as_script(module):
            return f"it may be run as a script, from which the package that holds `{NAME}` may not be found"
        found = module.bindings(0, NAME)
        if any(each.kind != "import" for each in found):
            return f"`{NAME}` is bound to something of its own at line {module.position(found[0].start).line}"
        return None

    def changes(self) -> Iterator[Change]:
        """Yield the creation of each shim that is needed and not there yet."""
        for path, module in sorted(self.needed.items()):
            edits = (
                ()
                if path in self.program.paths
                else (TextEdit(path, Span(0, 0), Position(1, 1), Position(1, 1), TEXT, create=True),)
            )
            if edits:
                yield Change(
                    f"shim:{path}",
                    self.codemod,
                    f"create `{path}`",
                    self.package(module) or path,
                    Applicability.SAFE,
                    edits,
                    support=True,
                )

    def _runs_as_script(self, module: Module) -> bool:
        """Tell whether a module imports nothing of its own package and nobody imports it, as is the way of scripts."""
        package = module.name.partition(".")[0]
        if any(each.level > 0 or (each.module or each.name).partition(".")[0] == package for each in module.imports()):
            return False
        self.program.want(module.name.rpartition(".")[2])
        names = {module.name, *(f"{module.name}.{name}" for name in module.facts["binds"][0])}
        return not module.is_package and not any(
            other.import_target(each) in names or each.name == module.name
            for other in self.program.modules
            if other is not module
            for each in other.imports()
        )
