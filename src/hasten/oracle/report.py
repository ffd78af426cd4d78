"""Read the call graph that the checker reports: one JSON file for each module, loaded when a question is about it.

A call has targets (functions, constructors) or is marked as not resolved. A union with an unknown member may have
targets without the mark; so the type of the receiver, which is reported as text, is looked at as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from hasten.oracle.checker import ERRORS
from hasten.oracle.failure import OracleError

_FORMAT = 1
#: More bytes than a file of definitions has before the first of them: two names and a path.
_HEAD = 16_384
_UNKNOWN = frozenset({"Unknown", "Any", "typing.Any", "Never", "typing.Never"})
_MISSING = re.compile(r"Cannot find module `([^`]+)`")
_PLACE = re.compile(r"(\d+):(\d+)-")


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """A function or class definition that a call can reach.

    Attributes:
        path: relative to the root; absolute for a file of a library; `<typeshed>/...` for the checker's own stubs of
            the standard library and of packages without types.
        line: where the name of the definition stands, from 1.
        name: the dotted name, module included, as far as the checker knows it.
    """

    path: str
    line: int
    name: str


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something that the checker finds wrong; line and column from 1."""

    path: str
    line: int
    column: int
    code: str
    message: str

    @property
    def missing(self) -> str:
        """The dotted name of the module that is not found, where that is what is wrong, else an empty string."""
        found = _MISSING.match(self.message)
        return found[1] if found else ""

    @property
    def is_coroutine(self) -> bool:
        """Tell whether a coroutine is dropped, or used as if it were what awaiting it gives."""
        return self.code == "unused-coroutine" or "`Coroutine" in self.message or "Coroutine[" in self.message


class Report:
    """What one run of the checker found."""

    def __init__(self, directory: Path, base: Path, libraries: Sequence[Path]) -> None:
        """Open a report.

        Args:
            directory: where it is.
            base: the directory that holds the copies (`tree` and `lib`) of what was checked.
            libraries: the originals of what is in `lib`.

        Raises:
            OracleError: it is in a format of another version of the checker.
        """
        self._directory = directory
        self._tree = base / "tree"
        self._lib = base / "lib"
        self._libraries = {each.name: each for each in libraries}
        self._modules: dict[int, dict[str, Any]] = {}
        for file in sorted((directory / "definitions").glob("*.json")):
            about = _head(file)
            self._modules[about["module_id"]] = about | {"file": file.name}
        self._ids: dict[str, list[int]] = {}
        for each in sorted(self._modules.values(), key=lambda module: str(module["module_name"])):
            self._ids.setdefault(self._path(each["source_path"]), []).append(each["module_id"])
        self._calls: dict[int, dict[str, Any]] = {}
        self._types: dict[int, dict[str, str]] = {}
        self._definitions: dict[int, dict[str, Any]] = {}
        self.problems = self._problems()

    def targets(self, path: str, key: str, receiver: str, *, called: bool) -> tuple[Target, ...]:
        """Return what is reached from a place, in order; nothing where it is not known, or not wholly.

        Args:
            path: the file.
            key: the place of the call, or of the name that is not called.
            receiver: the place of the expression before the last dot, if there is one.
            called: it is a call.
        """
        for module in self._ids.get(path, ()):
            entry = self._module_calls(module).get(key)
            if entry is None:
                continue
            if receiver and _is_unknown(self._module_types(module).get(receiver, "Unknown")):
                return ()
            return self._resolved(entry, called=called)
        return ()

    def _resolved(self, entry: dict[str, Any], *, called: bool) -> tuple[Target, ...]:
        if called:
            callees = [entry["Call"]] if "Call" in entry else []
        else:
            use = entry.get("Identifier") or entry.get("AttributeAccess") or {}
            getters = {"call_targets": use.get("property_getters", ())}
            # What a property gives is not what reading it runs.
            callees = [getters if getters["call_targets"] else use.get("if_called", {})]
        found = set()
        for callee in callees:
            if callee.get("unresolved"):
                return ()
            for each in self._callee(callee):
                if each is None:
                    return ()
                found.add(each)
        return tuple(sorted(found))

    def _callee(self, callee: dict[str, Any]) -> Iterator[Target | None]:
        for each in callee.get("call_targets", ()):
            target = each["target"]
            reference = target.get("Function") or target.get("Overrides") or target.get("AllOverrides")
            yield None if reference is None else self._function(reference)
        built = [each.get("receiver_class") for each in callee.get("init_targets", ())]
        for reference in built:
            yield None if reference is None else self._class(reference["module_id"], reference["class_id"])
        if callee.get("new_targets") and not built:
            yield None

    def _function(self, reference: dict[str, Any]) -> Target | None:
        module = reference["module_id"]
        record = self._module_definitions(module)["function_definitions"].get(reference["function_id"])
        return None if record is None else self._target(module, record)

    def _class(self, module: int, number: int) -> Target | None:
        record = self._module_definitions(module)["class_definitions"].get(str(number))
        return None if record is None else self._target(module, record)

    def _target(self, module: int, record: dict[str, Any]) -> Target | None:
        place = _PLACE.match(record.get("name_location") or "")
        if place is None:
            return None  # made by the checker, such as the constructor of a named tuple
        about = self._modules[module]
        return Target(
            self._path(about["source_path"]), int(place[1]), f"{about['module_name']}.{self._name(module, record)}"
        )

    def _name(self, module: int, record: dict[str, Any]) -> str:
        """Return the name of a definition with those of the definitions around it."""
        names = [str(record["name"])]
        definitions = self._module_definitions(module)
        while isinstance(record["parent"], dict):
            (kind, parent), *_ = record["parent"].items()
            if kind == "Class":
                found = definitions["class_definitions"].get(str(parent["class_id"]))
            else:
                found = definitions["function_definitions"].get(f"F:{parent['func_def_index']}")
                names.append("<locals>")
            if found is None:
                break
            record = found
            names.append(str(record["name"]))
        return ".".join(reversed(names))

    def _path(self, source: dict[str, str]) -> str:
        (kind, name), *_ = source.items()
        if kind != "FileSystem":
            return f"<typeshed>/{name}"
        path = Path(name)
        if path.is_relative_to(self._tree):
            return path.relative_to(self._tree).as_posix()
        if path.is_relative_to(self._lib):
            first, *rest = path.relative_to(self._lib).parts
            return self._libraries[first].joinpath(*rest).as_posix()
        return path.as_posix()

    def _problems(self) -> list[Problem]:
        found = []
        for each in _load(self._directory / ERRORS)["errors"]:
            # The lines after the first say where a module was looked for, and the like.
            code, message = each["name"], each["concise_description"].splitlines()[0]
            # Every `if x:` is an implicit conversion; only that of a coroutine is a mistake.
            if code != "implicit-bool" or "`Coroutine[" in message:
                path = self._path({"FileSystem": str(self._tree.parent / each["path"])})
                found.append(Problem(path, each["line"], each["column"], code, message))
        return sorted(found)

    def _module_calls(self, module: int) -> dict[str, Any]:
        if module not in self._calls:
            graphs = self._section("call_graphs", module).get("call_graphs", {})
            self._calls[module] = {key: entry for graph in graphs.values() for key, entry in graph.items()}
        return self._calls[module]

    def _module_types(self, module: int) -> dict[str, str]:
        if module not in self._types:
            functions = self._section("type_of_expressions", module).get("functions", {})
            self._types[module] = {
                key: each["type_table"][number]["string"]
                for each in functions.values()
                for key, number in each["locations"].items()
            }
        return self._types[module]

    def _module_definitions(self, module: int) -> dict[str, Any]:
        if module not in self._definitions:
            empty: dict[str, Any] = {"function_definitions": {}, "class_definitions": {}}
            self._definitions[module] = empty | self._section("definitions", module)
        return self._definitions[module]

    def _section(self, name: str, module: int) -> dict[str, Any]:
        path = self._directory / name / self._modules[module]["file"]
        return _load(path) if path.is_file() else {}


def _head(path: Path) -> dict[str, Any]:
    """Read which module a file of definitions is about, which stands before the definitions."""
    with path.open("rb") as file:
        head, found, _ = file.read(_HEAD).partition(b',"function_definitions":')
    try:
        about: dict[str, Any] = orjson.loads(head + b"}") if found else {}
    except ValueError:
        about = {}
    if about.get("format_version") != _FORMAT or not {"module_id", "module_name", "source_path"} <= about.keys():
        raise OracleError("the type checker reports in an unknown format; install another version of 'pyrefly'")
    return about


def _load(path: Path) -> dict[str, Any]:
    try:
        value: dict[str, Any] = orjson.loads(path.read_bytes())
    except (OSError, ValueError):
        raise OracleError("the type checker's report cannot be read; install another version of 'pyrefly'") from None
    return value


def _is_unknown(text: str) -> bool:
    """Tell whether a type, as text, has a member that could be anything: `Unknown`, `app.Store | Unknown`."""
    return any(part.strip() in _UNKNOWN for part in _members(text))


def _members(text: str) -> Iterator[str]:
    """Split a union at its own bars, not at those inside brackets."""
    depth = start = 0
    for index, character in enumerate(text):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == "|" and not depth:
            yield text[start:index]
            start = index + 1
    yield text[start:]
