"""One more requirement in a `pyproject.toml`, with every comment, blank line and habit of the file kept.

`tomlkit` says what is where; the new text is made from the old one by the smallest insertion, and then parsed again:
if it does not say exactly the old things and the new one, the file is left alone.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from hasten.dependency_text import (
    Added,
    AlreadyThere,
    CannotAdd,
    Outcome,
    admits,
    excluded,
    sort_name,
    sorted_index,
    standing,
)
from hasten.text import newline_of

_Table = Mapping[str, object]


def add_to_pyproject(text: str, requirement: str, *, optional: str | None = None) -> Outcome:
    """Add to `[project]`, or to Poetry's table where the file has none that lists dependencies.

    With `optional`, to the extra of that name.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return CannotAdd(f"The file is not valid TOML: {error}.")
    tool = _table(data, "tool")
    project, poetry = _table(data, "project"), _table(tool, "poetry")
    dynamic = project.get("dynamic")
    listed = isinstance(dynamic, list) and "dependencies" in dynamic
    packages = [name for name in _table(poetry, "dependencies") if name.lower() != "python"]
    if "dependencies" in poetry and ("project" not in data or listed or ("dependencies" not in project and packages)):
        return _Poetry(text, data, poetry).add(Requirement(requirement), optional)
    if "project" not in data:
        return CannotAdd("The file has no [project] table, so it declares no dependencies.", elsewhere=True)
    if listed and optional is None:
        return _dynamic(_table(_table(tool, "setuptools"), "dynamic"), requirement)
    return _add_to_project(text, data, project, requirement, optional)


def _table(data: _Table, key: str) -> _Table:
    value = data.get(key)
    return value if isinstance(value, Mapping) else {}


def _strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _dynamic(dynamic: _Table, requirement: str) -> CannotAdd:
    source = _table(dynamic, "dependencies").get("file")
    files = (source,) if isinstance(source, str) else tuple(_strings(source))
    if files:
        return CannotAdd(f"The dependencies are read from {', '.join(files)}.", elsewhere=True, files=files)
    reason = f"[project] leaves its dependencies to the build backend: add {requirement} where that finds them."
    return CannotAdd(reason, elsewhere=True)


def _add_to_project(text: str, data: _Table, project: _Table, requirement: str, optional: str | None) -> Outcome:
    extras = _table(project, "optional-dependencies")
    lists = [project.get("dependencies"), extras.get(optional) if optional is not None else None]
    if there := standing([item for items in lists for item in _strings(items)], requirement):
        return there
    wanted = dict(data)
    changed = dict(project)
    wanted["project"] = changed
    path = ["project", "dependencies"]
    if optional is None:
        changed["dependencies"] = [*_strings(lists[0]), requirement]
    else:
        path = ["project", "optional-dependencies", optional]
        changed["optional-dependencies"] = {**extras, optional: [*_strings(lists[1]), requirement]}
    old = lists[-1] if optional is not None else lists[0]
    if old is not None:
        new = string_into_array(text, path, requirement)
    elif optional is None:
        new = line_into_table(text, ["project"], f"dependencies = [{_quote(requirement)}]", at_end=True)
    elif extras:
        new = line_into_table(text, path[:2], f"{_key(optional)} = [{_quote(requirement)}]", at_end=True)
    elif "optional-dependencies" in project:
        new = None
    else:
        new = _new_table(text, path[:2], f"{_key(optional)} = [{_quote(requirement)}]")
    return _checked(new, wanted, f"add {_quote(requirement)} to {'.'.join(path)}")


def _checked(new: str | None, wanted: _Table, advice: str) -> Outcome:
    """Return the new text if it says what is wanted, lists compared without their order."""
    if new is not None:
        try:
            if _unordered(tomllib.loads(new)) == _unordered(wanted):
                return Added(new)
        except tomllib.TOMLDecodeError:
            pass
    return CannotAdd(f"The file is laid out in a way that cannot be edited safely: {advice} by hand.")


def _unordered(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _unordered(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((_unordered(item) for item in value), key=repr)
    return value


def _quote(value: str, like: str = '"') -> str:
    """Return a TOML string, in the quotes of the neighbours where it can be."""
    quote = "'" if like.startswith("'") or ('"' in value and "'" not in value) else '"'
    if quote == "'" and "'" not in value:
        return f"'{value}'"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quote(name)


def string_into_array(text: str, path: Sequence[str], requirement: str) -> str | None:
    """Return `text` with one more string in the array at `path`."""
    # Imported late: it costs a twentieth of a second, which a project that declares the requirement need not spend.
    import tomlkit
    from tomlkit.exceptions import TOMLKitError
    from tomlkit.items import Array

    try:
        document = tomlkit.parse(text)
        holder: object = document
        for key in path[:-1]:
            holder = holder[key]  # type: ignore[index]
        array = holder[path[-1]]  # type: ignore[index]
        if not isinstance(array, Array) or tomlkit.dumps(document) != text:
            return None
        old = array.as_string()
        # The array is looked for by putting a mark in its place, because its text alone may occur more than once.
        mark = tomlkit.array("[0.5]")
        mark.trivia.comment, mark.trivia.comment_ws = array.trivia.comment, array.trivia.comment_ws
        mark.trivia.trail, mark.trivia.indent = array.trivia.trail, array.trivia.indent
        holder[path[-1]] = mark  # type: ignore[index]
        marked = tomlkit.dumps(document)
    except (TOMLKitError, KeyError, TypeError):
        return None
    starts = [at for at in _occurrences(marked, "[0.5]") if text == marked[:at] + old + marked[at + 5 :]]
    if not starts:
        return None
    start = starts[0]
    return text[:start] + _one_more(old, requirement, newline_of(text)) + text[start + len(old) :]


def _occurrences(text: str, part: str) -> list[int]:
    return [match.start() for match in re.finditer(re.escape(part), text)]


_TOKEN = re.compile(r'"""[\s\S]*?"""|\'\'\'[\s\S]*?\'\'\'|"(?:\\.|[^"\\])*"|\'[^\']*\'|#[^\r\n]*|[^"\'#]')


def _one_more(array: str, requirement: str, newline: str) -> str:
    """Return the text of an array of strings with one more."""
    strings = [match for match in _TOKEN.finditer(array) if match[0][0] in "\"'"]
    if not strings:
        return _first(array, requirement, newline)
    index = sorted_index([sort_name(match[0]) for match in strings], sort_name(requirement))
    near = strings[min(index, len(strings) - 1)]
    written = _quote(requirement, near[0])
    line = max(array.rfind("\n", 0, near.start()), array.rfind("\r", 0, near.start())) + 1
    indent = array[line : near.start()]
    alone = line > 0 and not indent.strip(" \t")
    if index < len(strings):
        if not alone:
            return f"{array[: near.start()]}{written}, {array[near.start() :]}"
        at = _above_comments(array, line)
        return f"{array[:at]}{indent}{written},{newline}{array[at:]}"
    comma = next((m for m in _TOKEN.finditer(array, near.end()) if m[0] == ","), None)
    if not alone:
        if comma:
            return f"{array[: comma.end()]} {written},{array[comma.end() :]}"
        return f"{array[: near.end()]}, {written}{array[near.end() :]}"
    end = re.compile(r"\r\n|\r|\n").search(array, comma.end() if comma else near.end())
    if comma and end:
        return f"{array[: end.end()]}{indent}{written},{newline}{array[end.end() :]}"
    if comma:
        return f"{array[: comma.end()]}{newline}{indent}{written},{array[comma.end() :]}"
    at = end.start() if end else near.end()
    # `    "last"  # why`: the comma goes before the comment.
    return f"{array[: near.end()]},{array[near.end() : at]}{newline}{indent}{written}{array[at:]}"


def _above_comments(array: str, line: int) -> int:
    """Return the start of the comment lines directly above the line that starts at `line`."""
    while True:
        above = re.search(r"(?:^|(?<=[\r\n]))[ \t]+#[^\r\n]*(?:\r\n|\r|\n)\Z", array[:line])
        if not above:
            return line
        line = above.start()


def _first(array: str, requirement: str, newline: str) -> str:
    inside = array[1:-1]
    if not re.search(r"[\r\n]", inside):
        return f"[{_quote(requirement)}]"
    closing = re.search(r"[ \t]*\]\Z", array)
    at = closing.start() if closing else len(array) - 1
    indent = re.search(r"[\r\n]([ \t]+)#", array)
    return f"{array[:at]}{indent[1] if indent else '    '}{_quote(requirement)},{newline}{array[at:]}"


def _header(text: str, path: Sequence[str]) -> tuple[int, int] | None:
    """Return where the lines of the table `path` start and end, blank lines and comments at its end left out."""
    key = r"\s*\.\s*".join(rf"[\"']?{re.escape(part)}[\"']?" for part in path)
    header = re.search(rf"^[ \t]*\[\s*{key}\s*\][^\r\n]*(?:\r\n|\n|\Z)", text, re.MULTILINE)
    if not header:
        return None
    following = re.compile(r"^[ \t]*\[", re.MULTILINE).search(text, header.end())
    # Inside an array that spans lines, a line may start with a bracket too; the check of the outcome finds that out.
    body = text[header.end() : following.start() if following else len(text)]
    kept = re.sub(r"(?:^[ \t]*(?:#[^\r\n]*)?(?:\r\n|\n|\Z))+\Z", "", body, flags=re.MULTILINE)
    return header.end(), header.end() + len(kept)


def line_into_table(text: str, path: Sequence[str], line: str, *, at_end: bool = False) -> str | None:
    """Return `text` with one more line in the table `path`, at its sorted place unless `at_end`."""
    found = _header(text, path)
    if not found:
        return None
    start, end = found
    newline = newline_of(text)
    lines = list(re.finditer(r"^([A-Za-z0-9_.\"'-]+)\s*=[^\r\n]*(?:\r\n|\n|\Z)", text[start:end], re.MULTILINE))
    # Poetry's table starts with python, whatever follows is what may be sorted.
    others = [match for match in lines if match[1].lower() != "python"]
    index = sorted_index([match[1].strip("\"'").lower() for match in others], line.partition(" ")[0].lower())
    at = end if at_end or index == len(others) else start + others[index].start()
    if not text[:at].endswith("\n"):
        return f"{text[:at]}{newline}{line}{text[at:]}"
    return f"{text[:at]}{line}{newline}{text[at:]}"


def _new_table(text: str, path: Sequence[str], line: str) -> str | None:
    """Return `text` with a new table below those that its parent has already."""
    newline = newline_of(text)
    parent = r"\.".join(map(re.escape, path[:-1]))
    headers = list(re.finditer(rf"^[ \t]*\[\s*({parent}(?:\s*\.[^\]]*)?)\s*\]", text, re.MULTILINE))
    if not headers:
        return None
    last = [part.strip(" \t\"'") for part in headers[-1][1].split(".")]
    found = _header(text, last)
    if not found:
        return None
    at = found[1]
    before = "" if text[:at].endswith("\n") else newline
    after = newline if before == "" else ""
    return f"{text[:at]}{before}{newline}[{'.'.join(path)}]{newline}{line}{after}{text[at:]}"


def _poetry_admits(value: object, wanted: SpecifierSet) -> bool:
    """Return whether a dependency of Poetry's lets in a version that is wanted; what is not understood does."""
    if isinstance(value, list):
        return any(_poetry_admits(item, wanted) for item in value)
    version = _poetry_version(value)
    try:
        alternatives = [
            SpecifierSet(",".join(map(_pep440, re.findall(r"[~^<>=!]*\s*[^\s,~^<>=!]+", part))))
            for part in version.split("||")
        ]
    except (InvalidSpecifier, InvalidVersion):
        return True
    return any(admits(alternative, wanted) for alternative in alternatives)


def _poetry_version(value: object) -> str:
    """Return the versions of a dependency of Poetry's as they are written, "*" for an address or several entries."""
    version = value.get("version", "*") if isinstance(value, Mapping) else value
    return version if isinstance(version, str) else "*"


def _pep440(constraint: str) -> str:
    """Return one constraint of Poetry's, `^1.2` for example, as installers write it."""
    found = re.fullmatch(r"([~^<>=!]*)\s*(.+)", constraint)
    operator, version = found.groups() if found else ("", constraint)
    if version == "*":
        return ">=0.dev0"
    if operator not in {"^", "~"}:
        return (operator if operator not in {"", "="} else "==") + version
    release = Version(version).release
    if operator == "^":
        # The first number that is not zero stays.
        kept = next((index for index, number in enumerate(release) if number), len(release) - 1) + 1
    else:
        kept = min(len(release), 2)
    upper = ".".join(map(str, (*release[: kept - 1], release[kept - 1] + 1)))
    return f">={version},<{upper}"


class _Poetry:
    """The tables of Poetry before it took up `[project]`."""

    def __init__(self, text: str, data: _Table, poetry: _Table) -> None:
        self._text = text
        self._data = data
        self._dependencies = _table(poetry, "dependencies")
        self._extras = _table(poetry, "extras")

    def add(self, requirement: Requirement, optional: str | None) -> Outcome:
        """Add a line to the dependencies, and with `optional` the name to that extra."""
        name = canonicalize_name(requirement.name)
        listed = next((key for key in self._dependencies if canonicalize_name(key) == name), None)
        there = listed is not None
        if listed is not None and not _poetry_admits(self._dependencies[listed], requirement.specifier):
            return excluded(f"{listed} = {_poetry_version(self._dependencies[listed])}", str(requirement))
        extra = [canonicalize_name(item) for item in _strings(self._extras.get(optional))] if optional else []
        if there and (optional is None or name in extra):
            return AlreadyThere()
        new: str | None = self._text
        tool = _table(self._data, "tool")
        poetry = dict(_table(tool, "poetry"))
        if not there:
            line = f"{_key(requirement.name)} = {self._value(requirement, optional)}"
            poetry["dependencies"] = {**self._dependencies, **tomllib.loads(line)}
            new = line_into_table(self._text, ["tool", "poetry", "dependencies"], line)
        if optional is not None and new is not None:
            path = ["tool", "poetry", "extras"]
            line = f"{_key(optional)} = [{_quote(requirement.name)}]"
            poetry["extras"] = {**self._extras, optional: [*_strings(self._extras.get(optional)), requirement.name]}
            if optional in self._extras:
                new = string_into_array(new, [*path, optional], requirement.name)
            elif self._extras:
                new = line_into_table(new, path, line, at_end=True)
            else:
                new = _new_table(new, path, line)
        wanted = {**self._data, "tool": {**tool, "poetry": poetry}}
        return _checked(new, wanted, f"add {requirement} to tool.poetry.dependencies")

    def _value(self, requirement: Requirement, optional: str | None) -> str:
        """Return the right side of the line, with a caret where the file writes its versions so."""
        version = str(requirement.specifier) or "*"
        given = [
            str(value.get("version", "")) if isinstance(value, Mapping) else str(value)
            for key, value in self._dependencies.items()
            if key.lower() != "python"
        ]
        carets = sum(value.startswith("^") for value in given)
        if carets * 2 > len(given) and re.fullmatch(r">=[0-9.]+", version):
            version = "^" + version.removeprefix(">=")
        more = []
        if requirement.extras:
            more.append(f"extras = [{', '.join(_quote(extra) for extra in sorted(requirement.extras))}]")
        if requirement.marker:
            more.append(f"markers = {_quote(str(requirement.marker))}")
        if optional is not None:
            more.append("optional = true")
        return f"{{ {', '.join([f'version = {_quote(version)}', *more])} }}" if more else _quote(version)
