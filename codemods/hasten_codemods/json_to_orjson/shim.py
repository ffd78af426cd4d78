"""The module that `fallback = true` writes into a package: orjson where it is, the standard library elsewhere."""

from __future__ import annotations

from hasten.api import Companion, ImportRequest, Module, Program, is_written

NAME = "_fastjson"

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
    return is_written(module, NAME, TEXT)


class Shim(Companion):
    """Where the shim of each package goes, and how it is called."""

    def __init__(self, program: Program, codemod: str) -> None:
        """Take the program."""
        super().__init__(program, codemod, NAME, TEXT)

    def callee(self, function: str) -> str:
        """Return the expression that calls a function of the shim."""
        return f"{NAME}.{function}"

    def request(self, module: Module) -> ImportRequest:
        """Return the import that `module` needs."""
        package = self.package(module)
        return ImportRequest(module.path, package, NAME) if package else ImportRequest(module.path, NAME)

    def trouble(self, module: Module) -> str:
        """Return why the shim cannot be used in `module`, or an empty string."""
        found = module.bindings(0, NAME)
        if any(each.kind != "import" for each in found):
            return f"`{NAME}` is bound to something of its own at line {module.position(found[0].start).line}"
        return super().trouble(module)
