"""What pytest gives the parameters of a test that is run for several values.

@pytest.mark.parametrize("save", [save_one, pytest.param(save_all, id="all")])
@pytest.mark.parametrize("name, make", [("plain", Store), ("cached", Cache)])
def test_save(save, name, make): ...

Who writes the decorator on a test says all that its parameter is ever given: pytest takes no second one for the name.
"""

from __future__ import annotations

from collections.abc import Iterator

from hasten.index.module import Call, Module, Scope, Shape
from hasten.index.program import Program

PARAM = "pytest.param"
_PARAMETRIZE = "pytest.mark.parametrize"
#: Where the values stand among the arguments.
VALUES = 1, "argvalues"


def given(program: Program, function: Scope, name: str) -> list[tuple[Module, int, Shape | None]] | None:
    """Return what a decorator of a test gives a parameter, None where no decorator does.

    Each value comes with its module and scope; a value that cannot be seen is None.
    """
    for shape in function.decorators:
        call = function.module.call(shape[1]) if shape[0] == "c" else None
        names = names_of(program, call) if call is not None else None
        if call is not None and names is not None and name in names:
            return [(call.module, call.scope, each) for each in _column(program, call, names, name)]
    return None


def row_of(program: Program, call: Call) -> Call | None:
    """Return the call of `parametrize` that a `pytest.param(...)` is a row of, None where there is none to be seen."""
    use = call.use
    if program.dotted(call.module, call.scope, call.function) != PARAM or use[0] != "elem" or use[2][0] != "arg":
        return None
    taker = call.module.call(use[2][1])
    return taker if use[2][2] in VALUES and names_of(program, taker) is not None else None


def may_give(program: Program, call: Call, name: str, what: Scope | None) -> bool:
    """Tell whether a call of `parametrize` may give a parameter a function or class, or what is no plain constant."""
    for shape in _column(program, call, names_of(program, call) or [], name):
        if shape is None or shape[0] not in {"k", "n", "a", "m"}:
            return True
        dotted = program.dotted(call.module, call.scope, shape) if shape[0] in {"n", "a"} else None
        found = program.resolve(dotted) if dotted is not None else None
        if shape[0] == "m" or (shape[0] != "k" and (found is None or what is None or found == what)):
            return True
    return False


def names_of(program: Program, call: Call) -> list[str] | None:
    """Return the parameters that a call of `parametrize` is about; None for other calls, or where they are unseen."""
    if call.tail != "parametrize" or any(each.keyword in {"*", "**"} for each in call.arguments):
        return None
    if program.dotted(call.module, call.scope, call.function) != _PARAMETRIZE:
        return None
    argument = call.argument(0, "argnames")
    shape = argument.shape if argument is not None else ["x", ""]
    texts = shape[1] if shape[0] in {"l", "t"} else [shape]
    if not all(each[:2] == ["k", "str"] and each[2] is not None for each in texts):
        return None
    return [name for each in texts for name in str(each[2]).replace(",", " ").split()]


def is_indirect(call: Call) -> bool:
    """Tell whether a fixture may be given the values, and makes of them what the test gets."""
    argument = call.argument(2, "indirect")
    return argument is not None and not (argument.shape[:2] == ["k", "bool"] and str(argument.shape[2]) == "False")


def _column(program: Program, call: Call, names: list[str], name: str) -> Iterator[Shape | None]:
    """Yield the values of one parameter; None for those that cannot be seen."""
    argument = call.argument(*VALUES)
    rows = _rows(call, argument.shape) if argument is not None and not is_indirect(call) else None
    if rows is None:
        yield None
        return
    for row in rows:
        parts: list[Shape] | None = None
        if row[0] == "c":
            made = call.module.call(row[1])
            if program.dotted(made.module, made.scope, made.function) == PARAM:
                plain = all(each.keyword not in {"*", "**"} for each in made.arguments)
                parts = [each.shape for each in made.arguments if each.keyword is None] if plain else []
        if parts is None:
            several = len(names) > 1
            parts = row[1] if several and row[0] in {"l", "t"} else [] if several else [row]
        starred = any(each[:2] == ["x", "Starred"] for each in parts)
        yield parts[names.index(name)] if len(parts) == len(names) and not starred else None


def _rows(call: Call, shape: Shape) -> list[Shape] | None:
    """Return the rows of a display, or of a variable that holds one and is read by `parametrize` alone."""
    module = call.module
    if shape[0] == "n":
        found = module.lookup(call.scope, shape[1])
        bound = found[1][0] if found is not None and len(found[1]) == 1 else None
        if found is None or bound is None or bound.kind != "assign" or bound.payload is None:
            return None
        reads = [each.use for each in module.reads(found[0], shape[1])]
        if any(use[0] != "arg" or module.call(use[1]).tail != "parametrize" for use in reads):
            return None
        shape = bound.payload
    return list(shape[1]) if shape[0] in {"l", "t"} else None
