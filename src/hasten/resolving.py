"""What the type checker says about the calls of one state of a program: asked once, when a codemod asks first [IO]."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import orjson

from hasten import __version__
from hasten.errors import HastenError, SourceError
from hasten.reading import Reader, digest_of

if TYPE_CHECKING:
    from hasten.index.module import Call, Module, Scope
    from hasten.index.program import Program
    from hasten.oracle import Oracle
    from hasten.request import Progress

#: Another one where the same program gives other answers.
_VERSION = 2
#: Path, line and name of definitions.
_Targets: TypeAlias = "Sequence[tuple[str, int, str]]"
#: Path, function, what is called, and how many such calls come before.
_Signature: TypeAlias = tuple[str, str, str, int]


class Resolver:
    """Answers `Program.resolve_call`, for the files of a run as they were read.

    The checker looks at all files at once, whatever is asked first: so an answer depends neither on the order of
    questions nor on which files a program has read. Answers are kept, and a second run that asks the same of the same
    files need not start the checker.

    Attributes:
        asked: what stands for the checker that was asked, `""` while nothing was.
    """

    def __init__(self, reader: Reader, progress: Progress) -> None:
        """Take the files; nothing is read or started yet.

        Args:
            reader: has looked at all files of the program.
            progress: told of the work.
        """
        self.asked = ""
        self._reader = reader
        self._progress = progress
        self._key = ""
        self._known: dict[str, _Targets | None] = {}
        self._fresh = False
        self._changed = False
        self._oracle: Oracle | None = None
        self._running = False
        self._calls: dict[str, dict[int, tuple[Call, _Targets | None]]] = {}
        self._moved: dict[str, dict[_Signature, _Targets | None]] = {}

    def __enter__(self) -> Self:
        """Return the resolver itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Keep the answers, and remove what the checker left in the temporary directory."""
        if self._oracle is not None:
            self._oracle.close()
            self._oracle = None
        # The key stands for the texts that were there at first.
        if kind is None and self._fresh and not self._changed:
            with suppress(orjson.JSONEncodeError):  # a file name is no text
                self._reader.cache.put({self._key: orjson.dumps(self._known)})

    def __call__(self, program: Program, call: Call) -> tuple[Scope, ...] | None:
        """Return what a call reaches; see `Program.resolve_call`.

        A definition in a file that is not read yet is noted in `program.wanted`, and the answer is None until then.

        Raises:
            OracleError: the checker is missing, fails, or takes too long.
        """
        if call.index < 0:  # something else in the place of a call
            return _scopes(program, self._targets(call)) if call.read_at is not None else None
        targets = self._targets(call)
        self._calls.setdefault(call.module.path, {})[call.index] = (call, targets)
        return _scopes(program, targets)

    def expect(self, _program: Program, call: Call) -> None:
        """Answer nothing, but have the file of a call ready when the checker has reported: it will be asked about."""
        self.expect_file(call.module.path)

    def expect_file(self, path: str) -> None:
        """Have a file ready when the checker has reported: there will be questions about it."""
        if self._oracle is not None:
            self._oracle.expect(path)

    def again(self, program: Program, call: Call) -> tuple[Scope, ...] | None:
        """Return what a call reached when it was asked about here, in a program whose text has moved since.

        A call is known by the function it stands in, by what it calls, and by how many such calls come before it.
        None where it was not asked about.
        """
        if call.index < 0:
            return None
        asked = self._calls.get(call.module.path, {})
        same, targets = asked.get(call.index, (None, None))
        if same is None or same.module is not call.module:
            path = call.module.path
            if path not in self._moved:
                self._moved[path] = {_signature(each): found for each, found in asked.values()}
            targets = self._moved[path].get(_signature(call))
        return _scopes(program, targets, moved=True)

    def ahead(self) -> None:
        """Let the checker begin: whoever asks has less to wait for; where nobody does, it is ended and forgotten."""
        with suppress(HastenError):  # told when somebody asks
            self._recall()
            if self._oracle is None and not self._known:
                self._oracle = self._prepared()
                self._oracle.begin()

    def _targets(self, call: Call) -> _Targets | None:
        """Return path, line and name of each definition that a call reaches, None where nobody can tell."""
        if not self.asked:
            self.asked = self._recall()
        at = call.read_at
        question = f"{call.module.path}:{call.span.start}-{call.span.end}" if at is None else f"{call.module.path}:{at}"
        if question not in self._known:
            self._known[question] = self._ask(call.module.path, call.span.start, call.span.end, at)
            self._fresh = True
        return self._known[question]

    def _recall(self) -> str:
        """Look for answers that were kept, and return what stands for the checker."""
        checker = identity()
        if not self._key:
            self._key = _key(checker, {path: seen.digest for path, seen in self._reader.seen.items()})
            kept = self._reader.cache.get([self._key]).get(self._key)
            with suppress(ValueError, TypeError):  # something else got into the cache
                self._known = dict(orjson.loads(kept)) if kept is not None else {}
        return checker

    def _ask(self, path: str, start: int, end: int, at: int | None) -> _Targets | None:
        if not self._running:
            self._progress.step("asking the type checker", 0)
            self._oracle = self._oracle or self._prepared()
            self._oracle.run(partial(self._progress.advance, 0))
            self._running = True
        assert self._oracle is not None  # noqa: S101 - for the type checker
        found = self._oracle.reached(path, start, end) if at is None else self._oracle.targets([(path, at)])[path, at]
        return None if found is None else [(each.path, each.line, each.name) for each in found]

    def _prepared(self) -> Oracle:
        """Return the oracle for the texts of all files."""
        from hasten.oracle import Oracle

        texts: dict[str, str] = {}
        for path, seen in sorted(self._reader.seen.items()):
            try:
                source = self._reader.source(path)
            except SourceError:
                continue  # the checker does not see what hasten cannot read
            texts[path] = source.text
            self._changed |= digest_of(source.data) != seen.digest
        return Oracle(self._reader.root, (), texts, jobs=self._reader.jobs)


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


def _signature(call: Call) -> _Signature:
    """Return what tells a call from all others, wherever in its file it stands."""
    module = call.module
    numbers: dict[int, _Signature] = module.remember("hasten: signatures of calls", lambda: _signatures(module))
    return numbers[call.index]


def _signatures(module: Module) -> dict[int, _Signature]:
    found: dict[int, _Signature] = {}
    seen: Counter[tuple[str, str]] = Counter()
    # In the order of the text: a call that is awaited now may be visited at another time than before.
    for call in sorted(module.calls(), key=lambda each: (each.span.start, -each.span.end)):
        kind = module.symbol(call.scope), _named(module, call.function)
        found[call.index] = (module.path, *kind, seen[kind])
        seen[kind] += 1
    return found


def _named(module: Module, shape: list[Any]) -> str:
    """Return a shape as text in which calls do not stand by their numbers."""
    if shape[0] == "c":
        return f"{_named(module, module.call(shape[1]).function)}()"
    return " ".join(_named(module, each) if isinstance(each, list) and each else str(each) for each in shape)


def _scopes(program: Program, targets: _Targets | None, *, moved: bool = False) -> tuple[Scope, ...] | None:
    """Return the definitions of the program among `targets`, None where one is not known."""
    if targets is None:
        return None
    own = [each for each in targets if each[0] in program.paths]
    if len(own) < len(targets):
        return () if not own else None
    found: list[Scope] = []
    for path, line, name in own:
        scope = _definition(program, path, 0 if moved else line, name)
        if scope is None:
            return None
        found.append(scope)
    return tuple(found)


def _definition(program: Program, path: str, line: int, name: str) -> Scope | None:
    """Return the definition whose name stands at a line (0 for any), None where its file is not read, or not yet."""
    *around, last = (each for each in name.split(".") if each != "<locals>")
    # What comes before the name of the definition is that of its module.
    stem = "/" + path.removesuffix(".py").removesuffix("/__init__")
    inside = next((cut for cut in range(len(around), 0, -1) if stem.endswith("/" + "/".join(around[:cut]))), 0)
    around = around[inside:]
    module = program.find(path)
    if module is None:
        # `Store.save` is in a file that holds both words; the name of the module need not stand in it.
        program.want(last, beside=frozenset(around[-1:]))
        return None
    named = [each for each in module.definitions(last) if not line or module.position(each.span.start).line == line]
    found = [each for each in named if line or module.symbol(each.number) == ".".join([*around, last])]
    return found[0] if len(found) == 1 else None
