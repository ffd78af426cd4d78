"""Whether the path of a file goes where nobody can see it, so that a place that writes an unknown file may write this.

FILES = {"prices": PRICES}

def save(name, text):
    FILES[name].write_text(text)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hasten.api import Call, Module, Program, Sink, Span, follow
from hasten_codemods.cache_pure_loaders import tables
from hasten_codemods.cache_pure_loaders.paths import ANY, Paths

Shape = list[Any]

_LOOKING = frozenset({"cmp", "cond", "expr", "fmt", "ann", "bin", "unseen", "iter", "except"})
#: Attributes and methods of a path that are no way to the file itself.
_HARMLESS = frozenset({"parent", "parents", "name", "stem", "suffix", "suffixes", "parts", "open", "encode"})
#: They keep what they are given in something else.
_KEEPING = tables.TAKERS_THAT_HOLD | tables.TAKERS_THAT_GIVE | {"functools.partial", "builtins.map"}
#: What writes, by its last name: a method of a path, or a function.
_METHODS = ("write_text", "write_bytes", "unlink", "touch", "rename", "open")
_FUNCTIONS = ("copy", "copy2", "copyfile", "move", "remove", "unlink", "replace", "rename", "truncate")


class Escapes:
    """Answers for one program."""

    def __init__(
        self, program: Program, paths: Paths, is_known: Callable[[str], bool], is_writing: Callable[[Call], bool]
    ) -> None:
        """Take the program, what paths there are, and what is known of functions that are given one."""
        self.program = program
        self.paths = paths
        self.is_known = is_known
        self.is_writing = is_writing

    def of(self, path: str) -> str:
        """Return in words how a file may be written that nobody is seen to write, empty where it cannot be."""
        place = next(self._lost(path), "")
        if not place:
            return ""
        writer = self.program.remember("cache-pure-loaders blind writers", lambda: next(self._blind(), ""))
        return f"its path goes out of sight at {place}, and something is written at {writer}" if writer else ""

    def _lost(self, path: str) -> Iterator[str]:
        """Yield the places where the path of a file is put where nobody can follow it."""
        for module in self.program.modules:
            for name, records in module.facts["binds"][0].items():
                for kind, payload, start, _nest in records:
                    if kind == "assign" and payload is not None and self._is(path, module, 0, payload):
                        span = Span(start, start + len(name))
                        sinks = follow(self.program, module, 0, span, ["asg", 0, name])
                        yield from (sink.place for sink in sinks if not self._is_harmless(sink))
            for call in module.calls():
                # Store(HERE / "prices.json"), where the class is a record: what a function is given is looked at there.
                target = self.program.target_of(call)[0] if call.arguments else None
                if not call.arguments or (target is not None and target.kind == "function"):
                    continue
                dotted = self.program.dotted(module, call.scope, call.function)
                if dotted is not None and not self.program.is_own(dotted):
                    continue
                shapes = [each.shape for each in call.arguments if each.shape[0] in {"o", "c", "f"}]
                if any(self._is(path, module, call.scope, each) for each in shapes):
                    yield f"{module.path}:{module.position(call.span.start).line}"

    def _is(self, path: str, module: Module, scope: int, shape: Shape) -> bool:
        return path in self.paths.of(module, scope, shape)

    def _is_harmless(self, sink: Sink) -> bool:
        match sink.use:
            case ["meth" | "attr", str(name), *_] if sink.kind in {"meth", "attr"}:
                known = name in tables.METHODS["path"] or name in tables.LOOKING or name in tables.RESOLVING_METHODS
                return known or name in _HARMLESS
            case ["arg", int() as index, *_] if sink.kind == "arg":
                call = sink.module.call(index)
                dotted = self.program.dotted(sink.module, call.scope, call.function)
                if dotted is None or self.program.is_own(dotted) or dotted in _KEEPING:
                    return False
                return self.is_known(dotted)
            case [str(word), *_]:
                return sink.kind in _LOOKING or (sink.kind == word and word in _LOOKING)
            case _:
                return False

    def _blind(self) -> Iterator[str]:
        """Yield the places that write a file of which nobody can tell which it is."""
        for tail in sorted({*_METHODS, *_FUNCTIONS}):
            for call in self.program.calls_named(tail, want=False):
                dotted = self.program.dotted(call.module, call.scope, call.function) or ""
                plain = dotted.startswith(("os.", "shutil.", "builtins.", "io.", "gzip.", "codecs."))
                if (tail == "open" and not self.is_writing(call)) or not (plain or (not dotted and tail in _METHODS)):
                    continue
                shapes = [each.shape for each in call.arguments] if plain else [call.function[1]]
                if any(ANY in self.paths.of(call.module, call.scope, each) for each in shapes[:2]):
                    yield f"{call.module.path}:{call.module.position(call.span.start).line}"
        for tail in ("write_text", "write_bytes"):
            for read in self.program.attribute_reads(tail, want=False):
                yield f"{read.module.path}:{read.module.position(read.span.start).line}"
