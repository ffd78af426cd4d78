"""Where import statements go and how they leave, so that isort and `ruff check --select I` stay content.

Pure: text and its tree in, replacements out. All offsets are character offsets into the text that was given, and
nothing outside the returned spans changes.

`update` is for a file that loses and gains imports in one go; `place` and `remove` each do one half of it. Answers
of several calls for one file must not be mixed, because each is written for the text as it was.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from itertools import takewhile
from typing import TypeGuard

from hasten.import_layout import Draft, ImportStatement, Page, Replacement, Row
from hasten.import_removal import ImportedName, Kept, Removal, remove
from hasten.import_style import ImportStyle, SortKey, member_key, statement_key, style_from, write_from
from hasten.model import Span
from hasten.text import newline_of

__all__ = [
    "ImportStyle",
    "ImportedName",
    "Kept",
    "Removal",
    "Replacement",
    "insert_in_scope",
    "place",
    "remove",
    "style_from",
    "update",
]

_COMPOUND = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def update(
    text: str,
    tree: ast.Module,
    *,
    additions: Sequence[tuple[str, str]] = (),
    removals: Sequence[ImportedName] = (),
    first_party: frozenset[str] = frozenset(),
    style: ImportStyle | None = None,
) -> Removal:
    """Return how `removals` leave the text and `additions`, `(module, name)` pairs, come into it, at module level.

    The outcome has the blank lines that `place` and `remove` see to, also where an import comes exactly where another
    leaves. What is in both stays. The replacements are in the order of the text and do not overlap.
    """
    style = style or ImportStyle()
    wanted: dict[tuple[str, bool], list[str]] = {}
    for module, name in sorted(set(additions)):
        wanted.setdefault((module, bool(name)), []).append(name)
    leaving = [item for item in removals if not any(_is(*item, *addition) for addition in additions)]
    needed = [Kept(*item, "the new code needs it") for item in removals if item not in leaving]
    gone = {alias for _, alias in leaving}
    targets = [statement for statement in tree.body if isinstance(statement, ast.ImportFrom)]
    growing = {_module(target) for target in targets if not gone.issuperset(target.names)}

    draft = Draft(text)
    # What needs a statement of its own comes in while the imports that show its place are still there; what joins a
    # list comes last, because that may rewrite the list, and what is to leave would no longer be found in it.
    for late in (False, True):
        for (module, from_it), names in wanted.items():
            if (from_it and module in growing) == late:
                for batch in [[name] for name in names] if late or style.single_line(module) else [names]:
                    now = draft.text()
                    draft.apply(_place(now, ast.parse(now), module, batch, first_party, style))
        if not late:
            needed += _take_away(draft, text, tree, leaving, style)
    return Removal(draft.replacements(), tuple(needed))


def _take_away(
    draft: Draft, text: str, tree: ast.Module, leaving: Sequence[ImportedName], style: ImportStyle
) -> Sequence[Kept]:
    """Remove `leaving`, names of the original `tree`, from the draft, and return those that stay."""
    before = Page(text, tree)
    at = {before.start(alias): (statement, alias) for statement, alias in leaving}
    now = draft.text()
    moved = Page(now, ast.parse(now))
    original: dict[ast.alias, ImportedName] = {}
    found: list[ImportedName] = []
    for statement in ast.walk(moved.tree) if at else ():
        for alias in statement.names if isinstance(statement, ImportStatement) else ():
            origin = draft.origin(moved.start(alias))
            if origin in at and isinstance(statement, ImportStatement):
                original[alias] = at[origin]
                found.append((statement, alias))
    removal = remove(now, moved.tree, found, style)
    for replacement in reversed(removal.replacements):
        draft.apply(replacement)
    return [Kept(*original[kept.alias], kept.reason) for kept in removal.kept]


def place(
    text: str, tree: ast.Module, module: str, name: str = "", *, first_party: frozenset[str], style: ImportStyle
) -> Replacement:
    """Return the insertion of `import module`, or of `from module import name`, at module level.

    It goes into the first block of imports, into its section at its sorted place, or into an existing
    `from module import ...`; without such a block below the docstring, the `__future__` imports and the comments at
    the top. `tree` is `ast.parse(text)`. `first_party` holds the top-level names that the project itself defines. An
    import that the block has already gives a replacement that changes nothing.
    """
    return _place(text, tree, module, [name], first_party, style)


def _place(
    text: str, tree: ast.Module, module: str, names: Sequence[str], first_party: frozenset[str], style: ImportStyle
) -> Replacement:
    """Return the insertion of `import module` (names is `[""]`), or of one statement with `names`."""
    page = Page(text, tree)
    block = _first_block(page, page.rows(tree.body))
    statements = [statement for row in block for statement in row.statements] or list(takewhile(_inert, tree.body))
    names = [name for name in names if not any(_binds(statement, module, name) for statement in statements)]
    names.sort(key=lambda name: member_key(name, None, style))
    if not names:
        start = page.start(statements[0])
        return Replacement(Span(start, start), "")
    apart = style.single_line(module) or _is_apart(statements, module)
    for statement in statements if block else ():
        if len(names) == 1 and names[0] and not apart and _takes_names(statement, module, style):
            return _join(page, statement, names[0], style)
    line = write_from(module, names, style, newline_of(text)) if names[0] else f"import {module}"
    if not block:
        heading = style.heading(style.section_of(module, 0, first_party))
        return _open_block(page, tree, line, heading)
    return _Block(page, block, first_party, style).insert(module, names, line)


def insert_in_scope(
    text: str, tree: ast.Module, anchor: ast.stmt, module: str, name: str = "", *, after: bool = False
) -> Replacement:
    """Return the insertion of an import directly before, or after, the statement `anchor` of `tree`.

    It has the indentation of `anchor`. A comment block above `anchor` stays with it. Where `anchor` shares its line
    with other statements or with the head of its block, the import goes onto that line too.
    """
    page, line = Page(text, tree), _write(module, name)
    start, end = page.start(anchor), page.end(anchor)
    first, last = page.table.position(start).line, anchor.end_lineno or anchor.lineno
    before = text[page.offset(first) : start]
    indent = before[: len(before) - len(before.lstrip(" \t\f"))].replace("\f", "")
    inline = bool(before.strip(" \t\f")) or text[: page.offset(first)].rstrip("\r\n").endswith("\\")
    if after:
        # `x = 1; y = 2` or `if x: y = 2`: a line of its own would come too late, or land in another block.
        rest = text[end : page.offset(last + 1)].lstrip(" \t\f")
        if rest.startswith(";") or (inline and not isinstance(anchor, (*_COMPOUND, *_DEFINITIONS))):
            return Replacement(Span(end, end), f"; {line}")
        newline = page.newline(last)
        return page.insertion(page.offset(last + 1), indent + line + newline, newline)
    if inline:
        return Replacement(Span(start, start), f"{line}; ")
    newline = page.newline(first)
    return page.insertion(page.offset(page.top(first, indent)), indent + line + newline, newline)


def _is_apart(statements: Sequence[ast.stmt], module: str) -> bool:
    """Tell whether a file imports several names of a module, each in a statement of its own."""
    found = [each for each in statements if isinstance(each, ast.ImportFrom) and _module(each) == module]
    return len(found) > 1 and all(len(each.names) == 1 for each in found)


def _write(module: str, name: str) -> str:
    return f"from {module} import {name}" if name else f"import {module}"


def _is(statement: ImportStatement, alias: ast.alias, module: str, name: str) -> bool:
    """Tell whether `alias` of `statement` imports `name` from `module`, or `module` itself, under its own name."""
    if isinstance(statement, ast.Import):
        return not name and alias.name == module and alias.asname is None
    return _module(statement) == module and alias.name == name and alias.asname in (None, name)


def _binds(statement: ast.stmt, module: str, name: str) -> bool:
    """Tell whether `statement` is, or holds, the import that is asked for."""
    if not isinstance(statement, ImportStatement):
        return False
    return any(_is(statement, alias, module, name) for alias in statement.names)


def _module(statement: ImportStatement) -> str:
    """Return what is imported, or imported from, with the dots of a relative import."""
    if isinstance(statement, ast.Import):
        return statement.names[0].name
    return "." * statement.level + (statement.module or "")


def _takes_names(statement: ast.stmt, module: str, style: ImportStyle) -> TypeGuard[ast.ImportFrom]:
    """Tell whether one more name belongs into `statement`: `from module import a, b`."""
    if not isinstance(statement, ast.ImportFrom) or _module(statement) != module:
        return False
    return all(alias.name != "*" and (style.combine_as or alias.asname is None) for alias in statement.names)


def _first_block(page: Page, rows: Sequence[Row]) -> list[Row]:
    """Return the first run of import rows that a new name can join, the one with more than `__future__` if any.

    Only statements that cannot use the new name may come before it: imports, constants, and conditions over them.
    """
    future: list[Row] = []
    run: list[Row] = []
    for row in rows:
        if row.imports and not (run and page.split(run[-1], row)):
            run.append(row)
            continue
        if any(not _is_future(statement) for kept in run for statement in kept.statements):
            return run
        future, run = run or future, [row] if row.imports else []
        if not all(_inert(statement) for statement in row.statements):
            return run or future
    return run or future


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__" and not statement.level


def _inert(statement: ast.stmt) -> bool:
    """Tell whether no codemod can have put a use of a new import into `statement`."""
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            return _constant(value)
        case ast.If(test=test, body=body, orelse=orelse):
            # `if TYPE_CHECKING: from app import Store`
            calls = any(isinstance(node, ast.Call) for node in ast.walk(test))
            return not calls and all(map(_inert, [*body, *orelse]))
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
            inner = [*body, *orelse, *finalbody, *(line for handler in handlers for line in handler.body)]
            return all(map(_inert, inner)) and all(isinstance(h.type, ast.Name | None) for h in handlers)
        case _:
            return False


def _constant(value: ast.expr) -> bool:
    if isinstance(value, (ast.List, ast.Tuple, ast.Set)):
        return all(map(_constant, value.elts))
    return isinstance(value, ast.Constant)


class _Block:
    """A run of import rows, and where in it one more goes."""

    def __init__(self, page: Page, rows: Sequence[Row], first_party: frozenset[str], style: ImportStyle) -> None:
        self._page = page
        self._rows = rows
        self._style = style
        self._first_party = first_party
        heads = [next(head for head in row.statements if isinstance(head, ImportStatement)) for row in rows]
        self._sections = [self._section(_module(head)) for head in heads]
        self._keys = [self._key(_module(head), _members(head)) for head in heads]

    def _section(self, module: str) -> str:
        name = module.lstrip(".")
        return self._style.section_of(name, len(module) - len(name), self._first_party)

    def _key(self, module: str, members: Sequence[tuple[str, str | None]] | None) -> SortKey:
        name = module.lstrip(".")
        return statement_key(name, len(module) - len(name), members, self._style)

    def insert(self, module: str, names: Sequence[str], line: str) -> Replacement:
        """Return the insertion of the statement `line`, which imports `names` from `module`, or `module` itself."""
        section = self._section(module)
        key = self._key(module, [(name, None) for name in names] if names[0] else None)
        mine = [index for index, other in enumerate(self._sections) if other == section]
        if mine:
            return self._into_section(line, section, key, mine, plain=not names[0])
        return self._new_section(line, section)

    def _into_section(self, line: str, section: str, key: SortKey, mine: list[int], *, plain: bool) -> Replacement:
        keys = [self._keys[index] for index in mine]
        place = len(mine)
        if keys == sorted(keys):
            place = sum(other <= key for other in keys)
        above = self._rows[mine[place - 1]] if place else None
        below = self._rows[mine[place]] if place < len(mine) else None
        gap = 0 if self._style.force_sort_within_sections else self._style.lines_between_types
        if not below or (above and (not gap or _plain(above) == plain or _plain(below) != plain)):
            above = above or self._rows[mine[-1]]
            return self._after(above, line, gap if _plain(above) != plain else 0)
        return self._before(below, line, section, gap if _plain(below) != plain else 0)

    def _new_section(self, line: str, section: str) -> Replacement:
        rank = self._style.rank(section)
        lower = [index for index, other in enumerate(self._sections) if self._style.rank(other) < rank]
        heading = self._style.heading(section)
        if heading:
            line = heading + self._page.newline(self._rows[0].first) + line
        index = lower[-1] + 1 if lower else 0
        above, below = self._rows[max(index - 1, 0)], self._rows[min(index, len(self._rows) - 1)]
        to_below = self._gap(section, self._sections[index]) if index < len(self._rows) else 0
        if not lower or (index < len(self._rows) and to_below < self._apart(index)):
            return self._before(below, line, "", to_below)
        return self._after(above, line, self._gap(self._sections[index - 1], section))

    def _gap(self, above: str, below: str) -> int:
        """Return how many blank lines part two sections: 1, but 0 where the settings or the person part none."""
        style = self._style
        between = style.section_order[style.rank(above) + 1 : style.rank(below) + 1]
        if between and all(section in style.no_lines_before for section in between):
            return 0
        pairs = range(1, len(self._rows))
        apart = [self._apart(index) for index in pairs if self._sections[index - 1] != self._sections[index]]
        return 1 if style.no_lines_before else min(1, max(apart, default=1))

    def _apart(self, index: int) -> int:
        """Return how many blank lines stand directly above and below what parts a row from the one before it."""
        above, below = self._rows[index - 1], self._rows[index]
        return max(self._page.blanks(below.first - 1, -1), self._page.blanks(above.last + 1))

    def _after(self, row: Row, line: str, gap: int) -> Replacement:
        newline = self._page.newline(row.last)
        return self._page.insertion(row.end, newline * gap + line + newline, newline)

    def _before(self, row: Row, line: str, section: str, gap: int) -> Replacement:
        page, newline = self._page, self._page.newline(row.first)
        first = page.top(row.first)
        one_module = line.split(" ")[:2] == page.line(row.first).split(" ")[:2] and line.startswith("from ")
        titled = page.line(1) in dict(self._style.headings).values()
        if (first == 1 and not titled) or (one_module and self._style.tool == "isort"):
            # A comment that opens the file is about the file, and one above several `from x import` lines about `x`.
            first = row.first
        heading = self._style.heading(section)
        if heading and first < row.first and page.line(first) == heading:
            first += 1
        if section and first < row.first and page.blanks(first - 1, -1) > self._style.lines_between_types > gap:
            # The comment had a blank line of its own above it, which stays its own.
            first -= 1
        elif section and first < row.first and self._style.newline_before_comments:
            gap = gap + 1 if self._style.tool == "ruff" else max(gap, 1)
        return Replacement(Span(page.offset(first), page.offset(first)), line + newline + newline * gap)


def _members(statement: ImportStatement) -> list[tuple[str, str | None]] | None:
    if isinstance(statement, ast.Import):
        return None
    return [(alias.name, alias.asname) for alias in statement.names]


def _plain(row: Row) -> bool:
    return isinstance(row.statements[0], ast.Import)


def _open_block(page: Page, tree: ast.Module, line: str, heading: str) -> Replacement:
    """Return the insertion where there is no block of imports to join, with the `heading` that isort puts above it."""
    lead = _lead(tree)
    following = tree.body[lead] if lead < len(tree.body) else None
    if following and not next(row for row in page.rows(tree.body) if following in row.statements).own:
        return _inline(page, following, line)
    if lead:
        previous = tree.body[lead - 1]
        above = previous.end_lineno or previous.lineno
        if following and page.table.position(page.start(following)).line == above:
            return _inline(page, following, line)
    else:
        above = _header(page)
    newline = page.newline(above or 1)
    line = heading + newline + line if heading else line
    blanks = page.blanks(above + 1)
    wanted = _blanks_before(page, above + 1 + blanks, following)
    if not above:
        skip = max(0, blanks - wanted)
    elif not blanks:
        return page.insertion(page.offset(above + 1), newline + line + newline * (1 + wanted), newline)
    else:
        skip = max(1, blanks - wanted)
    text = line + newline * (1 + max(0, wanted - (blanks - skip)))
    return page.insertion(page.offset(above + 1 + skip), text, newline)


def _inline(page: Page, following: ast.stmt, line: str) -> Replacement:
    start = page.start(following)
    return Replacement(Span(start, start), f"{line}; ")


def _lead(tree: ast.Module) -> int:
    """Return how many statements must stay above every import: the docstring and the `__future__` imports."""
    count = 1 if ast.get_docstring(tree, clean=False) is not None else 0
    for index, statement in enumerate(tree.body):
        if _is_future(statement):
            count = index + 1
    return count


def _header(page: Page) -> int:
    """Return the last line of the comments that are about the file: the first paragraph, and those that stand alone."""
    above = 0
    while True:
        first = above + 1 + page.blanks(above + 1)
        last = first
        while page.comment(last + 1):
            last += 1
        if not page.comment(first) or (above and page.line(last + 1)):
            return above
        above = last


def _blanks_before(page: Page, number: int, following: ast.stmt | None) -> int:
    """Return how many blank lines isort and ruff want below imports that stand above line `number`."""
    if not page.line(number):
        return 0
    if not isinstance(following, _DEFINITIONS):
        return 1
    first = page.table.position(page.start(following)).line
    # A comment that a blank line parts from the definition counts as a statement of its own.
    commented = any(page.comment(line) and page.blank(line + 1) for line in range(number, first))
    return 1 if commented else 2


def _join(page: Page, statement: ast.ImportFrom, name: str, style: ImportStyle) -> Replacement:
    """Return the insertion of `name` into the list of `statement`, broken into lines anew where it gets too long."""
    names = statement.names
    keys = [member_key(alias.name, alias.asname, style) for alias in names]
    key = member_key(name, None, style)
    index = sum(other <= key for other in keys) if keys == sorted(keys) else len(keys)
    start, end = page.start(statement), page.end(statement)
    source = page.text[start:end]
    if "(" in source and all(
        not page.text[page.offset(alias.lineno) : page.start(alias)].strip(" \t\f") for alias in names
    ):
        return _join_lines(page, names, index, name)
    above, line_end = page.offset(statement.lineno), page.offset((statement.end_lineno or 0) + 1)
    row = page.text[above:line_end].rstrip("\r\n")
    several = "\n" in source or "\r" in source
    if "#" not in row and (several or len(row) + len(name) + 2 > style.line_length):
        before = page.text[above:start]
        indent = before[: len(before) - len(before.lstrip(" \t\f"))]
        written = [page.text[page.start(alias) : page.end(alias)] for alias in names]
        written.insert(index, name)
        text = write_from(_module(statement), written, style, page.newline(statement.lineno), indent)
        return Replacement(Span(start, end), text)
    if index < len(names):
        return Replacement(Span(page.start(names[index]), page.start(names[index])), f"{name}, ")
    return Replacement(Span(page.end(names[-1]), page.end(names[-1])), f", {name}")


def _join_lines(page: Page, names: Sequence[ast.alias], index: int, name: str) -> Replacement:
    """Return the insertion of `name` into a list with one name per line."""
    near = names[min(index, len(names) - 1)]
    newline = page.newline(near.lineno)
    indent = page.text[page.offset(near.lineno) : page.start(near)]
    if index < len(names):
        at = page.offset(page.top(near.lineno, indent))
        return Replacement(Span(at, at), f"{indent}{name},{newline}")
    end, below = page.end(near), page.offset(near.lineno + 1)
    rest = page.text[end:below]
    if rest.lstrip(" \t\f").startswith(","):
        return Replacement(Span(below, below), f"{indent}{name},{newline}")
    # `    last  # why` or `    last)`: the comma that the last name had no need of.
    if rest.lstrip(" \t\f").startswith(("#", "\r", "\n")):
        return Replacement(Span(end, below), f",{rest}{indent}{name}{newline}")
    return Replacement(Span(end, end), f",{newline}{indent}{name}")
