"""Validators of pydantic: an exception that leaves one comes up where an instance is made, in another's words."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from hasten.api import Call, Module, Program, Scope
from hasten_codemods.json_to_orjson.handlers import Handler, Shape, Spot, of_try
from hasten_codemods.json_to_orjson.registered import Registered

_DECORATORS = frozenset({"field_validator", "validator", "model_validator", "root_validator"})
#: `Annotated[dict, BeforeValidator(parse)]`
_WRAPPERS = frozenset({"BeforeValidator", "AfterValidator", "PlainValidator", "WrapValidator"})
#: Methods of a class that make an instance.
_MAKING = ("model_validate", "model_validate_json", "parse_obj", "parse_raw", "validate_python", "validate_json")
_ERROR = "ValidationError"
#: What becomes part of a `ValidationError`; any other exception goes on as it is.
_TAKEN = frozenset({"ValueError"})


class Validators:
    """The validators of one program, and who looks at what they raise."""

    def __init__(self, program: Program, registered: Registered) -> None:
        """Take the program, and the handlers that it registers."""
        self._program = program
        self._registered = registered

    def of(self, function: Scope) -> tuple[list[Spot], list[Handler]] | None:
        """Return where the exceptions of a validator come up, and who looks at their words; None if it is none."""
        module = function.module
        decorated = any(self._is_decorator(module, function.parent, each) for each in function.decorators)
        if not decorated and not self._is_wrapped(function):
            return None
        owner = module.scope(function.parent)
        spots = [Spot.of(call) for call in self._making(owner)] if owner.kind == "class" else []
        return spots, self.watchers

    @cached_property
    def watchers(self) -> list[Handler]:
        """Return the handlers of `ValidationError` that look at its words."""
        found = list(self._catching())
        found += [
            Handler(_TAKEN, each.handler.place, reads_error=True, reraises=True, watches=True)
            for each in self._registered.entries
            if _names_error(each.types) and each.handler.reads_error
        ]
        return found

    def _is_decorator(self, module: Module, scope: int, shape: Shape) -> bool:
        function = module.call(shape[1]).function if shape[0] == "c" else shape
        if function[0] not in {"n", "a"} or function[-1] not in _DECORATORS:
            return False
        return (module.dotted(scope, function) or "").startswith("pydantic.")

    def _is_wrapped(self, function: Scope) -> bool:
        """Tell whether a function is given to `BeforeValidator` and its like in its own module."""
        module = function.module
        return any(
            call.argument(0) is not None and each.use[0] == "arg" and each.use[1] == call.index
            for name in _WRAPPERS
            for call in module.calls_named(name)
            for each in module.reads(function.parent, function.name)
        )

    def _making(self, owner: Scope) -> Iterator[Call]:
        """Yield the calls that make an instance of a class."""
        for call, _ in self._program.callers(owner):
            yield call
        for name in _MAKING:
            for call in self._program.calls_named(name, beside=frozenset({owner.name})):
                dotted = call.module.dotted(call.scope, call.function[1]) if call.function[0] == "a" else None
                if dotted is not None and self._program.resolve(dotted) == owner:
                    yield call

    def _catching(self) -> Iterator[Handler]:
        self._program.want(_ERROR, beside=frozenset({"pydantic", "fastapi"}))
        named = self._program.modules_with("reads", _ERROR)
        for module in {
            each.path: each for each in [*named, *self._program.modules_with("attribute_reads", _ERROR)]
        }.values():
            for number in range(len(module.facts["guards"])):
                guard = module.guard(number)
                if guard.kind != "try":
                    continue
                for record in guard.payload:
                    if record[0] is None or not _names_error(record[0]):
                        continue
                    scope = _scope_at(module, record[2])
                    handler = of_try(self._program, module, scope, [record])[0]
                    if handler.reads_error:
                        yield Handler(_TAKEN, handler.place, reads_error=True, reraises=True, watches=True)


def _names_error(types: Shape) -> bool:
    """Tell whether a `ValidationError` is among some types; that of requests in FastAPI is one."""
    if types[0] in {"t", "l"}:
        return any(_names_error(each) for each in types[1])
    return types[0] in {"n", "a"} and str(types[-1]).endswith(_ERROR)


def _scope_at(module: Module, offset: int) -> int:
    """Return the innermost function or module around a place."""
    around = [
        each.number for each in module.scopes() if each.kind != "class" and each.span.start <= offset < each.span.end
    ]
    return max(around, default=0)
