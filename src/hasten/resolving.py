"""What the type checker says about the calls of one state of a program: asked once, when a codemod asks first [IO]."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from hasten import __version__
from hasten.errors import SourceError
from hasten.model import Source
from hasten.reading import Reader, digest_of
from hasten.text import LineTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hasten.index.module import Call, Scope
    from hasten.index.program import Program
    from hasten.oracle import Target
    from hasten.pipeline import Progress

#: Another one where the same program gives other answers.
_VERSION = 1


class Resolver:
    """Answers `Program.resolve_call`, for the files of a run as they were read.

    The checker looks at all files at once, whatever is asked first, and all that it says is kept: so an answer depends
    neither on the order of questions nor on which files a program has read, and a second run need not ask again.

    Attributes:
        asked: what stands for the checker that was asked, `""` while nothing was.
    """

    def __init__(self, reader: Reader, progress: Progress, instead: Mapping[str, Source] | None = None) -> None:
        """Take the files; nothing is read or started yet.

        Args:
            reader: has looked at all files of the program.
            progress: told of the work.
            instead: texts that stand for those of files, such as what a run has made of them.
        """
        self.asked = ""
        self._reader = reader
        self._progress = progress
        self._instead = dict(instead or {})
        self._answers: _Answers | None = None

    def __call__(self, program: Program, call: Call) -> tuple[Scope, ...] | None:
        """Return what a call reaches; see `Program.resolve_call`.

        A definition in a file that is not read yet is noted in `program.wanted`, and the answer is None until then.

        Raises:
            OracleError: the checker is missing, fails, or takes too long.
        """
        if self._answers is None:
            self._answers = self._ask()
        targets = self._answers.of(call)
        if targets is None:
            return None
        own = [each for each in targets if each[0] in program.paths]
        if len(own) < len(targets):
            return () if not own else None
        found: list[Scope] = []
        for path, line, name in own:
            scope = _definition(program, path, line, name)
            if scope is None:
                return None
            found.append(scope)
        return tuple(found)

    def _ask(self) -> _Answers:
        self.asked = identity()
        digests = {path: seen.digest for path, seen in self._reader.seen.items()}
        digests |= {path: digest_of(each.data) for path, each in self._instead.items()}
        key = _key(self.asked, digests)
        kept = self._reader.cache.get([key]).get(key)
        if kept is not None and (answers := _Answers.loaded(kept)) is not None:
            return answers
        self._progress.step("asking the type checker", len(digests))
        texts: dict[str, str] = {}
        changed = False
        for path in sorted(digests):
            try:
                source = self._instead.get(path) or self._reader.source(path)
            except SourceError:
                continue  # the checker does not see what hasten cannot read
            texts[path] = source.text
            changed = changed or digest_of(source.data) != digests[path]
        answers = _Answers.asked_for(self._reader.root, texts)
        self._progress.advance(len(digests))
        # The key stands for the texts that were there at first.
        if not changed and (blob := answers.dumped()) is not None:
            self._reader.cache.put({key: blob})
        return answers


class _Answers:
    """What every call of a program reaches, as far as the checker knows it."""

    def __init__(self, targets: Sequence[Sequence[Any]], calls: Mapping[str, Mapping[str, Sequence[int]]]) -> None:
        """Take what is kept.

        Args:
            targets: path, line and name of each definition that is reached.
            calls: by path and `start-end` of a call, the numbers of its targets.
        """
        self._targets = targets
        self._calls = calls

    @classmethod
    def asked_for(cls, root: Path, texts: Mapping[str, str]) -> _Answers:
        """Ask the checker about every call in `texts`."""
        from hasten.oracle import Oracle

        numbers: dict[Target, int] = {}
        calls: dict[str, dict[str, list[int]]] = {}
        with Oracle(root, (), texts) as oracle:
            for path, text in sorted(texts.items()):
                places = dict(_callees(text))
                found = oracle.targets((path, offset) for offset in places.values())
                calls[path] = {
                    place: [numbers.setdefault(each, len(numbers)) for each in targets]
                    for place, offset in places.items()
                    if (targets := found[path, offset]) is not None
                }
        return cls([(each.path, each.line, each.name) for each in numbers], calls)

    @classmethod
    def loaded(cls, blob: bytes) -> _Answers | None:
        """Return answers that were kept, None where something else got into the cache."""
        try:
            data = orjson.loads(blob)
            return cls(data["targets"], data["calls"])
        except (ValueError, TypeError, KeyError):
            return None

    def dumped(self) -> bytes | None:
        """Return the answers as bytes, None where a file name is no text."""
        try:
            return orjson.dumps({"targets": self._targets, "calls": self._calls})
        except orjson.JSONEncodeError:
            return None

    def of(self, call: Call) -> list[Sequence[Any]] | None:
        """Return path, line and name of each definition that a call reaches, None where nobody can tell."""
        found = self._calls.get(call.module.path, {}).get(_place(call.span.start, call.span.end))
        return None if found is None else [self._targets[each] for each in found]


def identity() -> str:
    """Return what stands for the checker that is installed, and changes with it.

    Raises:
        OracleError: there is none.
    """
    from hasten.oracle.checker import find_executable

    executable = find_executable()
    status = executable.stat()
    return repr((str(executable), status.st_size, status.st_mtime_ns))


def _key(checker: str, digests: Mapping[str, str]) -> str:
    parts = [__version__, _VERSION, list(sys.version_info[:2]), checker, sorted(digests.items())]
    # `repr`, since file names need not be text.
    return "calls-" + hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _place(start: int, end: int) -> str:
    return f"{start}-{end}"


def _callees(text: str) -> Iterator[tuple[str, int]]:
    """Yield the place of each call of something that has a name, and where the last part of that name begins."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # it is told where it is indexed
    lines = LineTable(text)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or (node.end_lineno or 0) > len(lines):
            continue
        if isinstance(node.func, ast.Name | ast.Attribute):
            start, end = lines.offset(node.lineno, node.col_offset), _end(lines, node)
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            yield _place(start, end), _end(lines, node.func) - len(name)


def _end(lines: LineTable, node: ast.expr) -> int:
    return lines.offset(node.end_lineno or 0, node.end_col_offset or 0)


def _definition(program: Program, path: str, line: int, name: str) -> Scope | None:
    """Return the definition whose name stands at a line, None where its file is not read, or not yet."""
    *around, last = (each for each in name.split(".") if each != "<locals>")
    module = program.find(path)
    if module is None:
        # `Store.save` is in a file that holds both words; the name of the module need not stand in it.
        stem = "/" + path.removesuffix(".py").removesuffix("/__init__")
        inside = next((cut for cut in range(len(around), 0, -1) if stem.endswith("/" + "/".join(around[:cut]))), 0)
        program.want(last, beside=frozenset(around[inside:][-1:]))
        return None
    found = [each for each in module.definitions(last) if module.position(each.span.start).line == line]
    return found[0] if len(found) == 1 else None
