"""What hypothesis gives the parameters of a test: `@given(status=st.dictionaries(st.text(), st.text()))`."""

from __future__ import annotations

from collections.abc import Iterator

from hasten.index.module import Scope, Shape

_STRATEGIES = "hypothesis.strategies."
#: What strategies make, by their names, as the shape of such a value.
_MADE: dict[str, Shape] = {
    "dictionaries": ["d", []],
    "fixed_dictionaries": ["d", []],
    "lists": ["l", []],
    "sets": ["s", []],
    "tuples": ["t", []],
    "text": ["k", "str", None],
    "characters": ["k", "str", None],
    "from_regex": ["k", "str", None],
    "integers": ["k", "int", None],
    "floats": ["k", "float", None],
    "booleans": ["k", "bool", None],
    "binary": ["k", "bytes", None],
}


def given(function: Scope, name: str) -> list[tuple[int, Shape]] | None:
    """Return the values that hypothesis gives a parameter, each with its scope; None where that cannot be seen."""
    module = function.module
    found: list[tuple[int, Shape]] = []
    by_strategy = False
    for decorator in function.decorators:
        call = module.call(decorator[1]) if decorator[0] == "c" else None
        dotted = module.dotted(call.scope, call.function) if call is not None else None
        if call is None or dotted not in {"hypothesis.given", "hypothesis.example"}:
            continue
        value = next((each.shape for each in call.arguments if each.keyword == name), None)
        if value is None or any(each.keyword in {None, "*", "**"} for each in call.arguments):
            return None
        if dotted == "hypothesis.example":
            found.append((call.scope, value))
            continue
        by_strategy = True
        for made in _made(function, call.scope, value):
            if made is None:
                return None
            found.append((call.scope, made))
    return found if by_strategy else None


def _made(function: Scope, scope: int, shape: Shape, depth: int = 0) -> Iterator[Shape | None]:
    """Yield what a strategy makes; None for what cannot be told."""
    module = function.module
    match shape:
        case ["o", "BitOr", left, right]:
            yield from _made(function, scope, left, depth)
            yield from _made(function, scope, right, depth)
        case ["c", int() as number]:
            call = module.call(number)
            dotted = module.dotted(call.scope, call.function) or ""
            if dotted.startswith(_STRATEGIES):
                yield _MADE.get(dotted.removeprefix(_STRATEGIES))
            elif call.function[0] == "a" and call.tail == "filter":
                yield from _made(function, scope, call.function[1], depth)
            else:
                yield None
        case ["n", name] if depth < 5:  # noqa: PLR2004 - so many names for one strategy are none that anybody reads
            found = module.lookup(scope, name)
            bindings = found[1] if found is not None else ()
            if len(bindings) == 1 and bindings[0].kind == "assign" and bindings[0].payload is not None:
                yield from _made(function, bindings[0].scope, bindings[0].payload, depth + 1)
            else:
                yield None
        case _:
            yield None
