"""How a project wants its imports: sections, order and line breaks, as isort and ruff read them from its settings.

Pure: settings and names in, sort keys and text out. `hasten.imports` uses it to find the place of a statement.
Both tools are followed where they differ, so that a file which either of them left alone before an import was
placed is left alone by it afterwards.
"""

from __future__ import annotations

import configparser
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

FUTURE, STDLIB, THIRD_PARTY, FIRST_PARTY, LOCAL = (
    "future",
    "standard-library",
    "third-party",
    "first-party",
    "local-folder",
)
Tool: TypeAlias = Literal["isort", "ruff"]
Wrap: TypeAlias = Literal["grid", "vertical", "grouped"]

# What one of Python 3.10 to 3.14 has and another has not: the answer must not hang on the Python that runs hasten.
_SOMETIMES_STDLIB = frozenset({
    "aifc", "annotationlib", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk", "compression", "crypt",
    "distutils", "imghdr", "imp", "lib2to3", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes", "smtpd",
    "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib",
})  # fmt: skip
_STDLIB_NAMES = sys.stdlib_module_names | _SOMETIMES_STDLIB


@dataclass(frozen=True, slots=True)
class ImportStyle:
    """What decides where an import goes and how it is written; the defaults are those of ruff, which are black's.

    Attributes:
        tool: whose order breaks the ties that isort and ruff see differently.
        known: pairs of a module pattern and the section that it belongs to, the first match wins.
        section_order: the sections from top to bottom.
        no_lines_before: sections without a blank line above them.
        headings: pairs of a section and the comment that isort keeps above it.
        wrap: how a `from` list that is too long is broken: isort's modes 0, 3 and 5.
        newline_before_comments: a comment inside a section has a blank line above it.
        split_on_trailing_comma: a list with a trailing comma stays one name per line even if it would fit.
    """

    tool: Tool = "ruff"
    force_sort_within_sections: bool = False
    force_single_line: bool = False
    single_line_exclusions: frozenset[str] = frozenset()
    order_by_type: bool = True
    case_sensitive: bool = False
    lexicographical: bool = False
    from_first: bool = False
    no_sections: bool = False
    length_sort: bool = False
    length_sort_straight: bool = False
    reverse_relative: bool = False
    combine_as: bool = False
    force_to_top: frozenset[str] = frozenset()
    lines_between_types: int = 0
    known: tuple[tuple[str, str], ...] = ()
    section_order: tuple[str, ...] = (FUTURE, STDLIB, THIRD_PARTY, FIRST_PARTY, LOCAL)
    default_section: str = THIRD_PARTY
    no_lines_before: frozenset[str] = frozenset()
    headings: tuple[tuple[str, str], ...] = ()
    wrap: Wrap = "vertical"
    trailing_comma: bool = True
    split_on_trailing_comma: bool = True
    newline_before_comments: bool = True
    line_length: int = 88

    def section_of(self, module: str, level: int, first_party: frozenset[str]) -> str:
        """Return the section of `module`, whose top-level name is the project's own if it is in `first_party`."""
        base = module.partition(".")[0]
        if not level and base == "__future__":
            return FUTURE
        if self.no_sections:
            return self.default_section
        section = LOCAL if level else self._known(module) or self._guess(base, first_party)
        return section if section in self.section_order else self.default_section

    def _known(self, module: str) -> str | None:
        parts = module.split(".")
        for length in range(len(parts), 0, -1):
            prefix = ".".join(parts[:length])
            for pattern, section in self.known:
                if fnmatchcase(prefix, pattern):
                    return section
        return None

    def _guess(self, base: str, first_party: frozenset[str]) -> str:
        if base in _STDLIB_NAMES:
            return STDLIB
        return FIRST_PARTY if base in first_party or base == "__main__" else self.default_section

    def rank(self, section: str) -> int:
        """Return how far down `section` stands."""
        return self.section_order.index(section) if section in self.section_order else len(self.section_order)

    def heading(self, section: str) -> str:
        """Return the comment line that stands above `section`, or an empty string."""
        return dict(self.headings).get(section, "")

    def single_line(self, module: str) -> bool:
        """Tell whether each name imported from `module` has a statement of its own."""
        return self.force_single_line and module not in self.single_line_exclusions


SortKey: TypeAlias = tuple[object, ...]


def _natural(text: str, tool: Tool) -> SortKey:
    """Return a key by which `x2` comes before `x10`."""
    if tool == "isort":
        return tuple(int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", text))
    # ruff compares character by character, and a run of digits with another one by its value.
    return tuple((ord("0"), int(part)) if part.isdecimal() else (ord(part), 0) for part in re.findall(r"\d+|\D", text))


def member_key(name: str, asname: str | None, style: ImportStyle) -> SortKey:
    """Return the sort key of one name in a `from` list."""
    kind = 0
    if style.order_by_type:
        kind = 0 if len(name) > 1 and name.isupper() else 1 if name[:1].isupper() else 2
    folded = name if style.case_sensitive else name.lower()
    length = len(name) if style.length_sort else 0
    key: SortKey = (name != "*", kind, length, _natural(folded, style.tool))
    if style.tool == "isort":
        return key
    return (*key, _natural(name, style.tool), (_natural(asname, style.tool),) if asname else ())


def statement_key(
    module: str, level: int, members: Sequence[tuple[str, str | None]] | None, style: ImportStyle
) -> SortKey:
    """Return the sort key, within its section, of an import statement.

    `members` are the names and aliases of a `from` statement, and None for a plain `import`.
    """
    plain = members is None
    kind = 0 if style.force_sort_within_sections else int(plain == style.from_first)
    first = member_key(*members[0], style) if members else ()
    length = len(module) + level if style.length_sort or (style.length_sort_straight and plain) else 0
    top = module not in style.force_to_top
    if style.tool == "isort":
        if style.force_sort_within_sections:
            return (top, length, _natural(_whole_line(module, level, members, style), "isort"))
        dots = "." * level + (" " if style.reverse_relative else "_") if level else ""
        name = dots + (module if style.case_sensitive else module.lower())
        return (kind, top, length, _natural(name, "isort"), first)
    # An absolute import follows every relative one, in ruff as in isort.
    distance = (1, 0) if not level else (0, level if style.reverse_relative else -level)
    folded = () if style.case_sensitive else _natural(module.lower(), "ruff")
    return (kind, top, length, distance, folded, _natural(module, "ruff"), first)


def _whole_line(module: str, level: int, members: Sequence[tuple[str, str | None]] | None, style: ImportStyle) -> str:
    dots = "." * level + (" " if style.reverse_relative and level else "")
    line = dots + module
    if members:
        names = ", ".join(f"{name} as {asname}" if asname else name for name, asname in members)
        line += f".{names}" if style.lexicographical else f" import {names}"
    return line if style.order_by_type else line.lower()


def write_from(module: str, members: Sequence[str], style: ImportStyle, newline: str, indent: str = "") -> str:
    """Return `from module import members`, broken into lines as `style` wants where it is too long for one.

    `module` holds the leading dots of a relative import, `indent` what stands before the statement on its line.
    """
    start = f"from {module} import "
    line = start + ", ".join(members)
    if len(indent) + len(line) <= style.line_length:
        return line
    if style.wrap == "grid" and len(members) > 1:
        aligned = _fill(members, indent + start + "(", indent + " " * (len(start) + 1), style, newline)
        if max(map(len, aligned.split(newline))) <= style.line_length:
            return aligned.removeprefix(indent) + ")"
    hanging = indent + "    "
    comma = "," if style.trailing_comma else ""
    if style.wrap == "vertical":
        inner = f",{newline}{hanging}".join(members)
        return f"{start}({newline}{hanging}{inner}{comma}{newline}{indent})"
    inner = _fill(members, hanging, hanging, style, newline)
    close = f"{newline}{indent})" if style.wrap == "grouped" else ")"
    return f"{start}({newline}{inner}{comma}{close}"


def _fill(members: Sequence[str], first: str, rest: str, style: ImportStyle, newline: str) -> str:
    """Put as many names on each line as fit, with room for the comma or the bracket after the last."""
    lines = [first + members[0]]
    for member in members[1:]:
        longer = f"{lines[-1]}, {member}"
        if len(longer) + 1 > style.line_length:
            lines[-1] += ","
            lines.append(rest + member)
        else:
            lines[-1] = longer
    return newline.join(lines)


_SECTION_NAMES = {
    "FUTURE": FUTURE,
    "STDLIB": STDLIB,
    "THIRDPARTY": THIRD_PARTY,
    "FIRSTPARTY": FIRST_PARTY,
    "LOCALFOLDER": LOCAL,
}
_KNOWN_KEYS = {
    "local_folder": LOCAL,
    "first_party": FIRST_PARTY,
    "third_party": THIRD_PARTY,
    "standard_library": STDLIB,
}
_BLACK: Mapping[str, object] = {
    "multi_line_output": 3,
    "include_trailing_comma": True,
    "split_on_trailing_comma": True,
    "ensure_newline_before_comments": True,
    "line_length": 88,
}
_GOOGLE: Mapping[str, object] = {
    "force_single_line": True,
    "force_sort_within_sections": True,
    "lexicographical": True,
}
_PROFILES: Mapping[str, Mapping[str, object]] = {
    "black": _BLACK,
    "django": {"combine_as_imports": True, "include_trailing_comma": True, "multi_line_output": 5},
    "pycharm": {"multi_line_output": 3},
    "google": {
        **_GOOGLE,
        "line_length": 1000,
        "order_by_type": False,
        "single_line_exclusions": ("collections.abc", "six.moves", "typing", "typing_extensions"),
    },
    "open_stack": _GOOGLE,
    "plone": {**_BLACK, "force_alphabetical_sort": True, "force_single_line": True},
    "attrs": {"include_trailing_comma": True, "lines_between_types": 1, "multi_line_output": 3},
    "hug": {"multi_line_output": 3, "include_trailing_comma": True, "line_length": 100},
    "wemake": {"multi_line_output": 3, "include_trailing_comma": True, "line_length": 80},
    "appnexus": {
        **_BLACK,
        "force_sort_within_sections": True,
        "order_by_type": False,
        "reverse_relative": True,
        "no_lines_before": "LOCALFOLDER",
    },
}


def style_from(pyproject: Mapping[str, object], isort_cfg_text: str | None = None) -> ImportStyle:
    """Return the style that a project's settings ask for.

    `pyproject` is the parsed `pyproject.toml`, `isort_cfg_text` the text of `.isort.cfg`, `setup.cfg` or
    `tox.ini`. ruff's settings win where ruff is told to sort imports, else isort's where there are any, else ruff's,
    whose defaults stand for a project without settings. Text that cannot be parsed counts as none.
    """
    tool = _table(pyproject, "tool")
    ruff = _table(tool, "ruff")
    isort = _table(tool, "isort") if "isort" in tool else _ini(isort_cfg_text)
    lint = _table(ruff, "lint")
    selected = [code for table in (ruff, lint) for key in ("select", "extend-select") for code in _list(table.get(key))]
    if isort is not None and not any(code in ("I", "I0", "I00", "I001", "ALL") for code in selected):
        return _isort_style(isort)
    return _ruff_style(_table(lint, "isort") or _table(ruff, "isort"), ruff)


def _ruff_style(table: Mapping[str, object], ruff: Mapping[str, object]) -> ImportStyle:
    default = ImportStyle()
    known = [
        (pattern, section)
        for section, patterns in sorted(_table(table, "sections").items())
        for pattern in _list(patterns)
    ]
    for key, section in (
        ("known-first-party", FIRST_PARTY),
        ("known-third-party", THIRD_PARTY),
        ("known-local-folder", LOCAL),
        ("extra-standard-library", STDLIB),
    ):
        known += [(pattern, section) for pattern in _list(table.get(key))]
    length = ruff.get("line-length")
    return ImportStyle(
        force_sort_within_sections=_flag(table.get("force-sort-within-sections")),
        force_single_line=_flag(table.get("force-single-line")),
        single_line_exclusions=frozenset(_list(table.get("single-line-exclusions"))),
        order_by_type=_flag(table.get("order-by-type"), default=True),
        case_sensitive=_flag(table.get("case-sensitive")),
        from_first=_flag(table.get("from-first")),
        no_sections=_flag(table.get("no-sections")),
        length_sort=_flag(table.get("length-sort")),
        length_sort_straight=_flag(table.get("length-sort-straight")),
        reverse_relative=table.get("relative-imports-order") == "closest-to-furthest",
        combine_as=_flag(table.get("combine-as-imports")),
        force_to_top=frozenset(_list(table.get("force-to-top"))),
        lines_between_types=_number(table.get("lines-between-types"), 0),
        known=tuple(known),
        section_order=tuple(_list(table.get("section-order"))) or default.section_order,
        default_section=str(table.get("default-section") or THIRD_PARTY),
        no_lines_before=frozenset(_list(table.get("no-lines-before"))),
        headings=tuple(sorted((key, f"# {title}") for key, title in _table(table, "import-heading").items())),
        split_on_trailing_comma=_flag(table.get("split-on-trailing-comma"), default=True),
        line_length=_number(length, 88),
    )


def _isort_style(given: Mapping[str, object]) -> ImportStyle:
    table = {**_PROFILES.get(str(given.get("profile", "")), {}), **given}
    alphabetical = _flag(table.get("force_alphabetical_sort"))
    order = tuple(_section(name) for name in _list(table.get("sections")))
    names = {**_KNOWN_KEYS, **{section: section for section in order if section not in _SECTION_NAMES.values()}}
    known = [
        (pattern.removesuffix("/").replace("/", "."), section)
        for name, section in names.items()
        for prefix in ("known_", "extra_")
        for pattern in sorted(_list(table.get(prefix + name)))
    ]
    headings = [
        (_SECTION_NAMES.get(name.upper(), name), f"# {table[key]}")
        for key in sorted(table)
        if (name := key.removeprefix("import_heading_")) != key
    ]
    mode = str(table.get("multi_line_output", 0)).upper()
    return ImportStyle(
        tool="isort",
        force_sort_within_sections=_flag(table.get("force_sort_within_sections")),
        force_single_line=_flag(table.get("force_single_line")),
        single_line_exclusions=frozenset(_list(table.get("single_line_exclusions"))),
        order_by_type=_flag(table.get("order_by_type"), default=True)
        and not (alphabetical or _flag(table.get("force_alphabetical_sort_within_sections"))),
        case_sensitive=_flag(table.get("case_sensitive")),
        lexicographical=_flag(table.get("lexicographical")),
        from_first=alphabetical or _flag(table.get("from_first")),
        no_sections=alphabetical or _flag(table.get("no_sections")),
        length_sort=_flag(table.get("length_sort")),
        length_sort_straight=_flag(table.get("length_sort_straight")),
        reverse_relative=_flag(table.get("reverse_relative")),
        combine_as=_flag(table.get("combine_as_imports")),
        force_to_top=frozenset(_list(table.get("force_to_top"))),
        lines_between_types=_number(table.get("lines_between_types"), 1 if alphabetical else 0),
        known=tuple(known),
        section_order=order or ImportStyle().section_order,
        default_section=_section(str(table.get("default_section") or "THIRDPARTY")),
        no_lines_before=frozenset(_section(name) for name in _list(table.get("no_lines_before"))),
        headings=tuple(headings),
        wrap="grid" if mode in ("0", "GRID") else "grouped" if mode in ("5", "VERTICAL_GRID_GROUPED") else "vertical",
        trailing_comma=_flag(table.get("include_trailing_comma")),
        split_on_trailing_comma=_flag(table.get("split_on_trailing_comma")),
        newline_before_comments=_flag(table.get("ensure_newline_before_comments")),
        line_length=_number(table.get("line_length"), 79),
    )


def _ini(text: str | None) -> Mapping[str, object] | None:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text or "")
    except configparser.Error:
        return None
    for name in ("settings", "isort", "tool:isort"):
        if parser.has_section(name):
            return dict(parser.items(name))
    return None


def _section(name: str) -> str:
    return _SECTION_NAMES.get(name.upper(), name.lower())


def _table(table: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = table.get(key)
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[str]:
    if isinstance(value, str):
        return [part.strip() for part in re.split(r"[,\n]", value) if part.strip()]
    return [str(item) for item in value] if isinstance(value, Iterable) else []


def _flag(value: object, *, default: bool = False) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in ("1", "true", "yes", "on", "y", "t")
    return default if value is None else bool(value)


def _number(value: object, default: int) -> int:
    return int(value) if isinstance(value, (int, str)) and str(value).strip().isdecimal() else default
