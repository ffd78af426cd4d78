"""Read files and make facts of them, in this process or in workers, through the cache [IO]."""

from __future__ import annotations

import gc
import hashlib
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from hasten import scan, source
from hasten.cache import Cache
from hasten.errors import SourceError
from hasten.index import naming
from hasten.index.build import FACTS_VERSION, build
from hasten.index.facts import Facts, Memory, pack
from hasten.index.module import Module
from hasten.index.wants import Want
from hasten.model import Problem, Source

if TYPE_CHECKING:
    from hasten.workers import Workers

#: Fewer bytes than this are indexed faster in this process than in workers.
_WORTH_A_POOL = 400_000
#: Workers get files by so many bytes: enough to be worth a message, and few enough that none waits long for another.
_CHUNK = 40_000
#: So many times the size of what was read last is looked through for files that may be asked for.
_LOOKED_AHEAD = 4
#: The words of files with so many bytes are kept; there are up to ten times as many bytes of them.
_KEPT_APART = 1_000_000
_TOO_DEEP = "nested too deep to be parsed; exclude it"
CHANGED = "it was changed since hasten read it; run again"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the first look at a file showed."""

    path: str
    digest: str = ""
    size: int = 0
    candidate: bool = False
    mentions_hasten: bool = False
    problem: Problem | None = None


@dataclass(slots=True)
class Reader:
    """Access to the files of one run.

    Attributes:
        root: the directory that all paths are relative to.
        overlay: texts that stand in for files, such as standard input.
        triggers, literals: the union of what the codemods declare.
        looks: those that codemods have of their own at files without triggers (`Codemod.may_have_site`).
    """

    root: Path
    overlay: dict[str, Source]
    triggers: tuple[bytes, ...]
    literals: tuple[str, ...]
    jobs: int
    cache: Cache
    looks: tuple[Callable[[str, bytes], bool], ...] = ()
    seen: dict[str, Seen] = field(default_factory=dict)
    ahead: dict[str, Callable[[], Callable[[], list[_Indexed]] | None]] = field(default_factory=dict, repr=False)
    memory: Memory = field(default_factory=Memory)
    _words: dict[str, scan.Words] = field(default_factory=dict, repr=False)
    _apart: int = _KEPT_APART
    _homes: dict[str, str] | None = field(default=None, repr=False)

    def data(self, path: str) -> bytes:
        """Return the bytes of a file; raises SourceError."""
        return self.overlay[path].data if path in self.overlay else source.read_bytes(self.root, path)

    def source(self, path: str) -> Source:
        """Return a decoded file; raises SourceError."""
        return self.overlay[path] if path in self.overlay else source.read(self.root, path)

    def look(self, paths: Sequence[str], advance: Callable[[int], None]) -> None:
        """Read every file once: its digest, and whether a trigger occurs in it."""
        for path in paths:
            self.seen[path] = self._look(path)
            advance(1)

    def _look(self, path: str) -> Seen:
        try:
            data = self.data(path)
        except SourceError as error:
            return Seen(path, problem=Problem(path, error.kind, str(error)))
        digest = digest_of(data)
        candidate = scan.triggers(data, self.triggers) or any(look(path, data) for look in self.looks)
        return Seen(path, digest, len(data), candidate, b"hasten:" in data)

    def has_any(self, words: Sequence[bytes]) -> bool:
        """Tell whether a candidate holds one of these byte strings."""
        for path in (each.path for each in self.seen.values() if words and each.candidate):
            with suppress(SourceError):
                data = self.data(path)
                if any(word in data for word in words):
                    return True
        return False

    def take_apart(self) -> None:
        """Take apart, as far as what is kept of them goes, the files that may be asked about: those no candidates."""
        for path, each in self.seen.items():
            if not each.candidate and each.size <= self._apart:
                with suppress(SourceError):
                    self._words_of(path)

    def _words_of(self, path: str) -> scan.Words:
        """Return the words in a file; raises SourceError."""
        known = self._words.get(path)
        if known is None:
            known = scan.words_of(self.data(path))
            size = self.seen[path].size
            if size <= self._apart:
                self._apart -= size
                self._words[path] = known
        return known

    def holding(self, paths: Iterable[str], wants: Collection[Want]) -> list[str]:
        """Return those of `paths` that bear on one of `wants`."""
        found: list[str] = []
        bears = scan.bearing_on(each for each in wants if each.kind != "module")
        homes = {self._home(each.text) for each in wants if each.kind == "module"}
        for path in paths:
            try:
                if path in homes or bears(self._words_of(path), partial(self.data, path)):
                    found.append(path)
            except SourceError:
                continue
        return found

    def _home(self, dotted: str) -> str:
        """Return the path of the module that is to hold what a dotted name stands for, empty if there is none."""
        if self._homes is None:
            self._homes = naming.by_name(
                (path, naming.module_name(path, self.seen), path) for path in sorted(self.seen)
            )
        while dotted not in self._homes and dotted:
            dotted = dotted.rpartition(".")[0]
        return self._homes.get(dotted, "")

    def index(
        self,
        paths: Sequence[str],
        pool: Workers,
        advance: Callable[[int], None],
        begin: Callable[[], None] | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> tuple[list[Module], list[Problem]]:
        """Return the facts of each file, in the order of `paths`, and the files that could not be parsed.

        Where workers do it, and only then, this process does `begin` before, and `meanwhile` while they are at it.
        """
        keys = {path: self._key(self.seen[path].digest) for path in paths}
        known = {
            key: facts
            for key, blob in self.cache.get(sorted(set(keys.values()))).items()
            if (facts := self._unpacked(blob)) is not None
        }
        missing = [path for path in paths if keys[path] not in known]
        begun = {path: waiting for path in missing if (waiting := self._begun(path)) is not None}
        missing = [path for path in missing if path not in begun]
        size = sum(self.seen[path].size for path in missing)
        tasks = [self._task(chunk) for chunk in self._chunks(missing)]
        results: dict[str, _Indexed] = {}
        many = size > _WORTH_A_POOL
        for made in pool.ordered(_index_chunk, tasks, many=many, begin=begin, meanwhile=meanwhile):
            advance(len(made))
            results.update((each[0], each) for each in made)
        for path, waiting in begun.items():
            results[path] = next(each for each in waiting() if each[0] == path)
        advance(len(begun))
        problems: list[Problem] = []
        fresh: dict[str, bytes] = {}
        for path in sorted(results):
            _, digest, blob, problem = results[path]
            if problem is not None:
                problems.append(problem)
            elif digest != self.seen[path].digest:
                # Its facts belong to another text than the one whose digest they would be kept under.
                problems.append(Problem(path, "changed", CHANGED))
            else:
                fresh[keys[path]] = blob
        self.cache.put(fresh)
        known |= {key: Facts(blob, self.memory) for key, blob in fresh.items()}
        modules = [
            Module(path, naming.module_name(path, self.seen), known[keys[path]])
            for path in paths
            if keys[path] in known
        ]
        return modules, problems

    def index_ahead(self, pool: Workers, latest: Collection[str], tried: Collection[str]) -> None:
        """Let workers that have nothing else to do index files that may well be asked for next.

        First those that import one of the `latest` files, then those beside one. All together are no more than the
        latest are, so that what is made in vain stays small.

        Args:
            pool: the workers.
            latest: the files that were indexed last, for which the codemods were not asked yet.
            tried: all that were indexed.
        """
        for path in self.ahead:
            self._begun(path)  # what no worker has begun with is withdrawn
        left = sum(self.seen[each].size for each in latest)
        chosen: list[str] = []
        for each in self._likely(latest, tried, left):
            left -= self.seen[each].size
            if left < 0:
                break
            chosen.append(each)
        chunks = list(self._chunks(chosen, guided=False))
        for chunk, begun in zip(chunks, pool.ahead(_index_chunk, [self._task(each) for each in chunks]), strict=True):
            self.ahead.update(dict.fromkeys(chunk, begun))

    def _likely(self, latest: Collection[str], tried: Collection[str], size: int) -> list[str]:
        """Return files that import one of the latest, then others, those beside one of the latest first.

        Only so many are read that they have a few times `size` bytes.
        """
        near = {_folder(each) for each in latest}
        names = scan.encoded(naming.module_name(each, self.seen).rpartition(".")[2] for each in latest)
        others = [
            path
            for path, each in self.seen.items()
            if path not in tried and each.problem is None and self._begun(path) is None
        ]
        others.sort(key=lambda path: (_folder(path) not in near, path))
        importing: list[str] = []
        rest: list[str] = []
        left = _LOOKED_AHEAD * size
        for path in others:
            left -= self.seen[path].size
            if left < 0:
                break
            with suppress(SourceError):
                (rest if names.isdisjoint(self._words_of(path).imported) else importing).append(path)
        return [*importing, *rest]

    def _begun(self, path: str) -> Callable[[], list[_Indexed]] | None:
        """Return what waits for a file to be indexed, with others, if a worker has begun with that ahead of time."""
        return self.ahead[path]() if path in self.ahead else None

    def _task(self, paths: Sequence[str]) -> _Task:
        overlay = {each: self.overlay[each] for each in paths if each in self.overlay}
        return _Task(self.root, tuple(paths), self.literals, overlay)

    def module(self, path: str, packed: bytes) -> Module:
        """Return the module at `path` with facts that were just made and packed."""
        return Module(path, naming.module_name(path, self.seen), Facts(packed, self.memory))

    def _unpacked(self, blob: bytes) -> Facts | None:
        """Return kept facts, or None for something else that got into the cache."""
        try:
            return Facts(blob, self.memory)
        except (ValueError, TypeError, KeyError):
            return None

    def _chunks(self, paths: Sequence[str], *, guided: bool = True) -> Iterator[list[str]]:
        """Yield runs of `paths`: long ones first, that processes seldom have to ask for more, short ones at the end.

        So the processes end at about the same time (guided self-scheduling, Polychronopoulos and Kuck 1987). Those
        that are not `guided` are all short.
        """
        left = sum(self.seen[path].size for path in paths)
        chunk: list[str] = []
        size = 0
        for path in paths:
            chunk.append(path)
            size += self.seen[path].size
            if size >= max(_CHUNK, left // (4 * self.jobs) if guided else 0):
                yield chunk
                left -= size
                chunk, size = [], 0
        if chunk:
            yield chunk

    def _key(self, digest: str) -> str:
        literals = hashlib.sha256("\0".join(self.literals).encode()).hexdigest()[:16]
        return f"facts-{FACTS_VERSION}-{sys.version_info.major}.{sys.version_info.minor}-{literals}-{digest}"


#: The path of a file, the digest of what was read, its packed facts, and what went wrong.
_Indexed: TypeAlias = "tuple[str, str, bytes, Problem | None]"


@dataclass(frozen=True, slots=True)
class _Task:
    root: Path
    paths: tuple[str, ...]
    literals: tuple[str, ...]
    overlay: dict[str, Source]


def _index_chunk(task: _Task) -> list[_Indexed]:
    # The facts are made of millions of small lists that all live to the end: collecting them in between is wasted.
    gc.disable()
    return [_index_file(task, path) for path in task.paths]


def _index_file(task: _Task, path: str) -> _Indexed:
    try:
        read = task.overlay[path] if path in task.overlay else source.read(task.root, path)
    except SourceError as error:
        return path, "", b"", Problem(path, error.kind, str(error))
    packed, problem = packed_facts_of(path, read.text, task.literals)
    return path, digest_of(read.data), packed, problem


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def digest_of(data: bytes) -> str:
    """Return what stands for the content of a file."""
    return hashlib.sha256(data).hexdigest()


def packed_facts_of(path: str, text: str, literals: Sequence[str]) -> tuple[bytes, Problem | None]:
    """Return the packed facts of a text, or why there are none."""
    facts, problem = facts_of(path, text, literals)
    if facts is None:
        return b"", problem
    try:
        return pack(facts), None
    except RecursionError:
        return b"", Problem(path, "syntax", _TOO_DEEP)


def facts_of(path: str, text: str, literals: Sequence[str]) -> tuple[dict[str, Any] | None, Problem | None]:
    """Return the facts of a text, or why there are none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return build(text, literals), None
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        return None, Problem(
            path,
            "syntax",
            f"{where}{error.msg} (not Python {sys.version_info.major}.{sys.version_info.minor}; exclude it, or "
            f"mend it)",
        )
    except (RecursionError, MemoryError):
        return None, Problem(path, "syntax", _TOO_DEEP)
    except ValueError as error:
        return None, Problem(path, "syntax", f"cannot be parsed: {error}")
    except Exception as error:  # noqa: BLE001 - the other files go on
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return None, Problem(path, "internal", f"a mistake in hasten ({what}); please report it with this file")
