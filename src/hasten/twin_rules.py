"""Whether a coroutine function can stand beside a plain one, what it is called, and how it is imported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hasten import async_forms
from hasten.async_below import Below
from hasten.async_forms import Form
from hasten.async_kinds import key_of, owner_of
from hasten.async_mentions import Mentions
from hasten.async_places import because
from hasten.async_results import property_of
from hasten.async_rules import Definitions, Verdict
from hasten.index.module import Binding, Call, Scope
from hasten.model import ImportRequest, Span
from hasten.propagate import Constraint

#: What matters only to whoever calls the plain function, which stays.
_OTHERS = frozenset({"ASY130"})
#: What a body does that no coroutine function can, and what makes a call reach something else.
_OWN = frozenset({"ASY137", "ASY138", "ASY139"})
#: Decorators that do not look at what they are given.
_PLAIN = frozenset(
    {"builtins.staticmethod", "builtins.classmethod", "abc.abstractmethod", "contextlib.contextmanager"}
    | {f"{home}.{name}" for home in ("typing", "typing_extensions") for name in ("final", "override")}
)
_MAKING = frozenset({"__new__", "__init__", "__post_init__"})
#: A framework would be told of the twin, too.
_HANDLERS = frozenset({"ASY004", "ASY005"})


@dataclass(frozen=True, slots=True)
class Twin:
    """The coroutine function beside a plain one.

    Attributes:
        form: how it is written.
        constraints: why there can be none.
        hazards: what differs.
    """

    form: Form
    constraints: tuple[Constraint, ...] = ()
    hazards: tuple[Constraint, ...] = ()


class TwinRules:
    """Answers for the functions of one program."""

    def __init__(self, below: Below) -> None:
        """Take what is known of the functions of the program."""
        self.program = below.program
        self._below = below
        self._definitions = Definitions(self.program, below.receivers, self.program.entry_points, forms=True)
        self._mentions = Mentions(self.program, below.receivers)
        self._known: dict[tuple[str, int], Twin] = {}

    @staticmethod
    def name(function: Scope) -> str:
        """Return what the twin is called."""
        return f"{function.name}_async"

    def twin(self, function: Scope) -> Twin:
        """Return the twin of a plain function."""
        key = key_of(function)
        if key not in self._known:
            self._known[key] = self._twin(function)
        return self._known[key]

    def _twin(self, function: Scope) -> Twin:
        module = function.module
        form = async_forms.definition(function).form or Form("async-def")
        blank = "2" if function.parent == 0 else "1"
        start = min(
            [function.span.start, *(start for start in self._decorators(function) if start < function.span.start)]
        )
        data = (*form.data, ("twin", self.name(function)), ("blank", blank))
        made = Form("async-def", data, form.imports, (), Span(start, function.span.end))
        verdict = self._definitions.verdict(function)
        body = Verdict()
        self._mentions.judge(function, body)
        constraints = [each for each in verdict.constraints if each.code not in _OTHERS]
        constraints += [each for each in body.constraints if each.code in _OWN]
        if form.more:
            message = f"`{function.name}` uses `yield from`, which an asynchronous one cannot"
            constraints.append(because("ASY125", message, module, function.span.start))
        if property_of(function):
            message = f"`{function.name}` is a property; make a method of it"
            constraints.append(because("ASY122", message, module, function.span.start))
        constraints += self._misplaced(function)
        if any(each.code in _HANDLERS for each in verdict.hazards):
            message = f"`{function.name}` is handed to a framework by its decorator, and so would be its twin"
            constraints.append(because("ASY176", message, module, function.span.start))
        hazards = [each for each in body.hazards if each.code == "ASY013"]
        hazards += [*self._replaced(function), *self._renamed(function)]
        return Twin(made, tuple(constraints), tuple(hazards))

    @staticmethod
    def _decorators(function: Scope) -> Iterator[int]:
        """Yield where the names in the decorators of a function begin."""
        for table in function.module.facts["reads"][function.parent].values():
            for start, _end, use in table:
                over = use
                while over[0] in {"attr", "meth", "call"}:
                    over = over[2] if over[0] == "attr" else function.module.call(over[-1]).use
                if over == ["deco", function.number]:
                    yield start

    def _misplaced(self, function: Scope) -> Iterator[Constraint]:
        module, name = function.module, self.name(function)
        if owner_of(function) is not None and function.name in _MAKING:
            message = f"`{function.name}` cannot wait, and a class has no twin; make the object in a function that can"
            yield because("ASY120", message, module, function.span.start)
        outer = module.enclosing(function.parent, "function")
        if outer is not None and not outer.is_async:
            message = f"`{function.name}` is defined inside of the plain function `{outer.name}`"
            yield because("ASY176", message, module, function.span.start)
        inner = next(
            (
                each
                for each in module.scopes()
                if each.is_async and function.span.start < each.span.start < function.span.end
            ),
            None,
        )
        if inner is not None:
            message = f"the coroutine function `{inner.name}` is defined in `{function.name}`, and would be so twice"
            yield because("ASY176", message, module, inner.span.start)
        if any(self._definitions.is_overload(function, each) for each in self._bindings(function)):
            message = f"`{function.name}` is overloaded, and a twin would stand between its definitions"
            yield because("ASY176", message, module, function.span.start)
        taken = self._taken(function, name)
        if taken:
            message = f"there is something called `{name}` already ({taken}); call it where it does the same"
            yield because("ASY178", message, module, function.span.start)

    @staticmethod
    def _bindings(function: Scope) -> Iterator[Binding]:
        for each in function.module.bindings(function.parent, function.name):
            if each.kind == "def" and each.payload != function.number:
                yield each

    def _taken(self, function: Scope, name: str) -> str:
        """Return where something else has the name of a twin, an empty string if nothing has."""
        module = function.module
        self.program.want(name)
        bound = module.bindings(function.parent, name)
        if bound:
            return f"{module.path}:{module.position(bound[0].start).line}"
        owner = owner_of(function)
        if owner is None:
            return ""
        share = self._below.families.share_class
        for other in self.program.modules_with("classes", name):
            for each in other.classes():
                bound = other.bindings(each.number, name)
                if bound and share(owner, each):
                    return f"{other.path}:{other.position(bound[0].start).line}"
        for other in self.program.modules_with("attribute_stores", name):
            for _base, _value, scope, start in other.facts["attribute_stores"][name]:
                around = self.program.method_owner(other, scope)
                if around is None or share(owner, around):
                    return f"{other.path}:{other.position(start).line}"
        return ""

    def _replaced(self, function: Scope) -> Iterator[Constraint]:
        """Yield the places that put something in the place of the function, for a test: its twin stays."""
        name = function.name
        for tail in ("patch", "object", "setattr"):
            for call in self.program.calls_named(tail, want=False):
                for argument in call.arguments[:2]:
                    text = str(argument.shape[2]) if argument.shape[:2] == ["k", "str"] else ""
                    if text == name or text.endswith(f".{name}"):
                        message = f"`{name}` is replaced here, and its twin is not"
                        yield because("ASY035", message, call.module, call.span.start)
        if function.parent == 0:
            place = self.program.rebound(function.module, name, patches=False)
            if place is not None:
                message = f"`{name}` is replaced ({place}), and its twin is not"
                yield because("ASY035", message, function.module, function.span.start)

    def _renamed(self, function: Scope) -> Iterator[Constraint]:
        """Yield the decorators that are given a function of another name."""
        for shape in function.decorators:
            if self._definitions.decorator(function, shape) not in _PLAIN:
                message = f"a decorator of `{function.name}` is given `{self.name(function)}` as well"
                yield because("ASY036", message, function.module, function.span.start)

    # --- imports ----------------------------------------------------------------------------------------------------

    def imported(self, call: Call, function: Scope) -> tuple[ImportRequest, ...] | Constraint:
        """Return what a call of a function's twin needs to be imported, or why it cannot be."""
        module, twin = call.module, self.name(function)
        if call.function[0] == "a" and call.tail != function.name:
            return self._elsewhere(call, function)
        if call.function[0] == "a":
            if owner_of(function) is not None:
                return ()
            if module.dotted(call.scope, call.function) == f"{function.module.name}.{function.name}":
                return ()
            return self._elsewhere(call, function)
        found = module.lookup(call.scope, call.function[1]) if call.function[0] == "n" else None
        if found is None or len(found[1]) != 1:
            return self._elsewhere(call, function)
        shadow = module.lookup(call.scope, twin)
        if shadow is not None:
            message = f"`{twin}` stands for something else here; give that another name"
            return because("ASY178", message, module, call.span.start)
        binding = found[1][0]
        if binding.kind == "def" and module is function.module and binding.payload == function.number:
            return ()
        if binding.kind != "import" or function.parent != 0:
            return self._elsewhere(call, function)
        written = module.imports()[binding.payload]
        if written.scope != 0 or module.import_target(written) != f"{function.module.name}.{function.name}":
            return self._elsewhere(call, function)
        home = "." * max(written.level, 0) + written.module
        return (ImportRequest(module.path, home, twin),)

    @staticmethod
    def _elsewhere(call: Call, function: Scope) -> Constraint:
        message = f"`{function.name}` is reached through another name or module; import it from its own, at the top"
        return because("ASY177", message, call.module, call.span.start)
