"""What tests put in the place of a function for a while, and how that is written once the function is awaited.

`patch("app.f")` makes an `AsyncMock` by itself. A `MagicMock` becomes one, a lambda is what one calls (its arguments
and its value are the same), and a function becomes a coroutine function together with the one that it stands for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hasten import async_forms
from hasten.async_forms import Form, More
from hasten.async_kinds import key_of, owner_of
from hasten.async_mentions import Mentions
from hasten.async_rules import Definitions
from hasten.index.module import Call, Read, Scope, Shape
from hasten.index.program import Program
from hasten.model import ImportRequest, Span
from hasten.uses import trouble_with

_MOCKS = frozenset({"unittest.mock.MagicMock", "unittest.mock.Mock"})
_ASYNC_MOCK = "unittest.mock.AsyncMock"
#: Arguments of mocks that mean the same for an AsyncMock.
_SAME = frozenset({"return_value", "side_effect", "name"})


@dataclass(frozen=True, slots=True)
class _Double:
    """Something that is put in the place of a function.

    Attributes:
        call: what puts it there: `patch`, `patch.object`, `monkeypatch.setattr`.
        value: what is put there, None where `patch` makes it.
    """

    call: Call
    value: Shape | None


class Doubles:
    """Answers for the functions of one program."""

    def __init__(self, program: Program, definitions: Definitions, mentions: Mentions) -> None:
        """Take the program, and what is known of it."""
        self.program = program
        self._definitions = definitions
        self._mentions = mentions
        self._found: dict[tuple[str, int], list[_Double]] | None = None
        mentions.awaitable = self.awaitable

    def awaitable(self, call: Call, function: Scope) -> bool:
        """Tell whether what a call puts in the place of a function can be awaited in the end."""
        return any(
            each.call.module is call.module and each.call.index == call.index and self._fits(each, function)
            for each in self._of(function)
        )

    def partners(self, function: Scope) -> list[Scope]:
        """Return the functions that convert together with one, since tests put one in the place of the other."""
        doubles = [fake for each in self._of(function) if (fake := self._fake(each, function)) is not None]
        return doubles + self._stood_for(function)

    def is_double(self, function: Scope, read: Read) -> bool:
        """Tell whether a use of a function as a value puts it in the place of another one, with which it converts."""
        return any(
            each.call.module is read.module and read.use[:2] == ["arg", each.call.index]
            for other in self._stood_for(function)
            for each in self._of(other)
        )

    def form(self, function: Scope, plain: Form | None) -> Form | None:
        """Return a form with all that has to change where something is put in the place of a function."""
        more: list[More] = []
        imports: list[ImportRequest] = []
        releases: list[tuple[str, Span]] = []
        for each in self._of(function):
            module, value = each.call.module, each.value
            if value is None or not self._fits(each, function) or self._fake(each, function) is not None:
                continue
            if value[0] == "m":
                more.append(More(module, module.scope(value[1]).span, "double", (("name", "AsyncMock"),)))
            elif value[0] == "c" and self._dotted(module.call(value[1])) in _MOCKS:
                made = module.call(value[1])
                callee = f"{_text(made.function[1])}.AsyncMock" if made.function[0] == "a" else "AsyncMock"
                more.append(More(module, made.span, "replace-call", (("callee", callee), ("await", "no"))))
                if made.function[0] == "a":
                    continue
                name = Span(made.span.start, made.span.start + len(made.function[1]))
                releases.append((module.path, name))
            else:
                continue
            imports.append(ImportRequest(module.path, "unittest.mock", "AsyncMock"))
        if not more:
            return plain
        form = plain or Form("async-def")
        return replace(
            form,
            more=(*form.more, *more),
            imports=(*form.imports, *imports),
            releases=(*form.releases, *releases),
        )

    # --- which there are ------------------------------------------------------------------------------------------

    def _of(self, function: Scope) -> list[_Double]:
        if self._found is None:
            self._found = {}
            for target, double in self._all():
                self._found.setdefault(key_of(target), []).append(double)
        return self._found.get(key_of(function), [])

    def _all(self) -> Iterator[tuple[Scope, _Double]]:
        """Yield every call that surely puts something in the place of a function of the program."""
        for tail in ("patch", "object", "setattr"):
            for call in self.program.calls_named(tail, want=False):
                if call.function[0] != "a" and tail != "patch":
                    continue  # setattr(app, "f", g) is for good
                first, second = call.argument(0, "target"), call.argument(1)
                if first is None or any(each.keyword in {"*", "**"} for each in call.arguments):
                    continue
                whole = first.shape[:2] == ["k", "str"] and tail != "object"
                dotted = str(first.shape[2]) if whole else self._member(call, first.shape, second and second.shape)
                target = self.program.resolve(dotted) if dotted is not None else None
                if target is None or target.kind != "function":
                    continue
                new = call.argument(1 if whole else 2, "value" if tail == "setattr" else "new")
                if new is None and any(each.keyword == "new_callable" for each in call.arguments):
                    continue
                yield target, _Double(call, new.shape if new is not None else None)

    def _member(self, call: Call, shape: Shape, name: Shape | None) -> str | None:
        home = call.module.dotted(call.scope, shape) if shape[0] in {"n", "a"} else None
        named = name is not None and name[:2] == ["k", "str"] and name[2] is not None
        return f"{home}.{name[2]}" if home is not None and name is not None and named else None

    def _dotted(self, call: Call) -> str:
        return call.module.dotted(call.scope, call.function) or ""

    # --- what they are --------------------------------------------------------------------------------------------

    def _fits(self, double: _Double, function: Scope) -> bool:
        """Tell whether a double can be awaited, as it is or once it is written in another way."""
        value, module, scope = double.value, double.call.module, double.call.scope
        if value is None:
            return True
        if async_forms.kind_of(function) or module.path not in self.program.targets:
            return False
        bare = not trouble_with(self.program, module, scope, "unittest", double.call.span.start)
        taken = module.lookup(scope, "AsyncMock")
        bare = bare and (taken is None or module.dotted(scope, ["n", "AsyncMock"]) == _ASYNC_MOCK)
        match value:
            case ["m", _]:
                # A lambda in a class gets `self`, which a mock does not.
                return bare and owner_of(function) is None
            case ["c", int() as number]:
                made = module.call(number)
                dotted = self._dotted(made)
                same = all(each.keyword in _SAME for each in made.arguments)
                return dotted == _ASYNC_MOCK or (dotted in _MOCKS and same and (bare or made.function[0] == "a"))
            case ["n" | "a", *_]:
                found = self._named(double)
                return found is not None and (found.is_async or self._joins(found, function))
            case _:
                return False

    def _named(self, double: _Double) -> Scope | None:
        """Return the function that is put in the place of another one by its name."""
        module, value = double.call.module, double.value or ["x", ""]
        if value[0] == "n":
            found = module.lookup(double.call.scope, value[1])
            bindings = found[1] if found is not None else ()
            if len(bindings) == 1 and bindings[0].kind == "def":
                return module.scope(bindings[0].payload)
        dotted = module.dotted(double.call.scope, value)
        target = self.program.resolve(dotted) if dotted is not None else None
        return target if target is not None and target.kind == "function" else None

    def _fake(self, double: _Double, function: Scope) -> Scope | None:
        """Return the plain function that converts together with the one in whose place it is put."""
        named = self._named(double) if double.value is not None and double.value[0] in {"n", "a"} else None
        return named if named is not None and not named.is_async and self._joins(named, function) else None

    def _joins(self, fake: Scope, function: Scope) -> bool:
        """Tell whether a function may convert with another one: it is no more than its double."""
        if key_of(fake) == key_of(function) or async_forms.kind_of(fake) != async_forms.kind_of(function):
            return False
        if self._definitions.verdict(fake).constraints or owner_of(fake) is not None:
            return False
        places = [
            (each.call.module.path, each.call.index)
            for doubles in (self._found or {}).values()
            for each in doubles
            if self._is(each, fake)
        ]
        reads = self._mentions.references(fake)
        return all(read.use[0] == "arg" and (read.module.path, read.use[1]) in places for read in reads)

    def _is(self, double: _Double, fake: Scope) -> bool:
        named = self._named(double) if double.value is not None and double.value[0] in {"n", "a"} else None
        return named is not None and key_of(named) == key_of(fake)

    def _stood_for(self, fake: Scope) -> list[Scope]:
        """Return the functions in whose place one is put."""
        self._of(fake)
        found: list[Scope] = []
        for (path, number), doubles in (self._found or {}).items():
            function = self.program.module(path).scope(number)
            if any(self._is(each, fake) and self._joins(fake, function) for each in doubles):
                found.append(function)
        return found


def _text(shape: Shape) -> str:
    return f"{_text(shape[1])}.{shape[2]}" if shape[0] == "a" else str(shape[1])
