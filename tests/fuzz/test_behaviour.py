"""What hasten rewrites does the same when it is really run, with json before and with orjson after."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.fuzz import laws
from tests.fuzz.laws import generated

from hasten.model import Applicability

# What the codemod says it is for: finite numbers, integers of 64 bits, text that UTF-8 can hold, text as keys.
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=4),
    ),
    max_leaves=12,
)

DUMPS_OPTIONS = {
    "indent": ["None", "2", "'  '", "0", "4"],
    "sort_keys": ["True", "False"],
    "ensure_ascii": ["True", "False"],
    "separators": ["(',', ':')", "(', ', ': ')", "(',', ': ')", "None"],
    "default": ["str", "None", "lambda value: repr(value)", "fallback"],
    "allow_nan": ["True", "False"],
    "check_circular": ["True", "False"],
    "skipkeys": ["True", "False"],
    "cls": ["None", "json.JSONEncoder", "Encoder"],
}

HEAD = """\
import io
import json


class Encoder(json.JSONEncoder):
    def default(self, o):
        return str(o)


def fallback(value):
    return [value.hex()]


"""


@dataclass(frozen=True, slots=True)
class Twins:
    """One program before and after, both loaded.

    Attributes:
        before, after: the function `run` of each.
        safe: whether every change that was made is safe.
        changed: whether anything was rewritten.
    """

    before: Callable[..., Any]
    after: Callable[..., Any]
    safe: bool
    changed: bool
    text: str


def twins(program: str, *, unsafe: bool = True) -> Twins:
    """Rewrite a program and load both versions; `run` is the function that is compared."""
    done, text = laws.run_text(program, unsafe=unsafe)
    taken = [change for change in done.plan.changes if change.id in done.report.selected]
    safe = all(change.applicability is Applicability.SAFE for change in taken)
    if not unsafe:
        assert safe, "a change with hazards was taken unasked"
    return Twins(load(program), load(text), safe, text != program, text)


def load(program: str) -> Callable[..., Any]:
    """Execute a module and return its `run`."""
    names: dict[str, Any] = {"__name__": "program"}
    exec(compile(program, "program.py", "exec", dont_inherit=True), names)  # noqa: S102 - the point of the test
    run: Callable[..., Any] = names["run"]
    return run


def shape(value: object) -> object:
    """Return a value with the type of each part, so that 1, 1.0 and True differ, and order of keys counts."""
    if isinstance(value, dict):
        return (type(value), [(shape(key), shape(item)) for key, item in value.items()])
    if isinstance(value, list | tuple):
        return (type(value), [shape(item) for item in value])
    # `repr` tells 0.0 from -0.0, and makes NaN equal to itself.
    return (type(value), repr(value))


def outcome(run: Callable[..., Any], *arguments: object) -> object:
    """Return what a call gives, or that it raises; which class is for the program's own handlers to tell."""
    try:
        return shape(run(*arguments))
    except Exception:  # noqa: BLE001 - any exception that gets out ends the program
        return "raised"


@st.composite
def dumps_arguments(draw: st.DrawFn) -> str:
    """Return the arguments of a `dumps` after the first."""
    names = draw(st.lists(st.sampled_from(sorted(DUMPS_OPTIONS)), max_size=3, unique=True))
    return "".join(f", {name}={draw(st.sampled_from(DUMPS_OPTIONS[name]))}" for name in names)


DUMPS = st.sampled_from([
    "json.dumps({value}{options})",
    "json.dumps(obj={value}{options})",
    "json.dumps({value}{options}).encode()",
    "str(json.dumps({value}{options}))",
    "'%s' % json.dumps({value}{options})",
    "f'''{{json.dumps({value}{options})}}'''",
])  # fmt: skip


@generated(150)
@given(DUMPS, dumps_arguments(), st.lists(VALUES, min_size=1, max_size=3))
def test_dumps_writes_an_equal_document(call: str, options: str, values: list[Any]) -> None:
    """Text written with orjson, or bytes where there were bytes, parses to the document that json wrote."""
    program = f"{HEAD}def run(value):\n    return {call.format(value='value', options=options)}\n"
    both = twins(program)
    for value in values:
        before, after = both.before(value), both.after(value)
        assert type(before) is type(after), both.text
        assert shape(json.loads(before)) == shape(json.loads(after)), both.text
        if both.safe:
            assert before == after, both.text


@generated(60)
@given(dumps_arguments(), st.lists(VALUES, min_size=1, max_size=3))
def test_dump_writes_an_equal_document(options: str, values: list[Any]) -> None:
    """What is written to a file parses to the document that json wrote."""
    program = f"{HEAD}def run(value, fp):\n    json.dump(value, fp{options})\n"
    both = twins(program)
    for value in values:
        texts = []
        for run in (both.before, both.after):
            target = io.StringIO()
            assert run(value, target) is None
            texts.append(target.getvalue())
        assert shape(json.loads(texts[0])) == shape(json.loads(texts[1])), both.text


LOADS = st.sampled_from([
    "json.loads({text})",
    "json.loads(s={text})",
    "json.load(io.StringIO({text}))",
    "list(map(json.loads, [{text}]))",
    "[json.loads(each) for each in [{text}]]",
    "(lambda text: json.loads(text))({text})",
])  # fmt: skip


@generated(100)
@given(LOADS, st.sampled_from([{}, {"indent": 1}, {"ensure_ascii": False}, {"separators": (" , ", "\t:\n")}]), VALUES)
def test_loads_reads_the_same_values(call: str, layout: dict[str, Any], value: Any) -> None:
    """Every document of the domain is read as equal values of the same types, in the same order."""
    both = twins(f"{HEAD}def run(text):\n    return {call.format(text='text')}\n")
    assert both.changed
    text = json.dumps(value, **layout)
    assert shape(both.before(text)) == shape(both.after(text)), both.text


BROKEN = [
    "",
    "{",
    "[1,]",
    '{"a":}',
    "nul",
    "[1] x",
    "'a'",
    '"\\x"',
    '"\t"',
    "01",
    "+1",
    ".5",
    "// c\n1",
    "\ufeff1",
    "[NaN",
    "tru\u00e9",
]
NOT_TEXT = [None, 5, 1.5, [1], {"a": 1}, object()]
ODD_BYTES = [b'{"a": 1}', bytearray(b"[1]"), b"\xff", b'"\xc3"', b""]
CAUGHT = [
    "ValueError",
    "TypeError",
    "json.JSONDecodeError",
    "(TypeError, ValueError)",
    "Exception",
    "UnicodeDecodeError",
    "KeyError",
    "RecursionError",
]


@generated(150)
@given(
    st.sampled_from(
        [
            "json.loads(text)",
            "json.loads(s=text)",
            "json.loads(str(text))",
            "json.loads(text.strip())",
            "json.loads(json.dumps(text))",
        ]
    ),
    st.lists(st.sampled_from(CAUGHT), max_size=2, unique=True),
    st.booleans(),
)
def test_a_safe_loads_is_caught_by_the_same_handlers(call: str, caught: list[str], nested: bool) -> None:
    """Where a rewrite of `loads` is safe, what a handler of the program caught before is caught by the same after."""
    handlers = "".join(
        f"    except {name}:\n        return 'caught by {number}'\n" for number, name in enumerate(caught)
    )
    inner = f"def read(text):\n    return {call}\n\n\n" if nested else ""
    what = "read(text)" if nested else call
    body = f"    try:\n        return {what}\n{handlers}" if caught else f"    return {what}\n"
    both = twins(f"{HEAD}{inner}def run(text):\n{body}", unsafe=False)
    for argument in [*BROKEN, *NOT_TEXT, *ODD_BYTES, '{"a": [1, 2.5, null]}', "[" * 400 + "]" * 400]:
        before = outcome(both.before, argument)
        # An argument that is no text at all, and that nothing caught, ended the program: the contract is about what the
        # program catches. A broken document is another matter: there both must agree on whether anything catches.
        if before != "raised" or isinstance(argument, str):
            assert before == outcome(both.after, argument), (argument, both.text)


def _literal(value: object) -> str:
    """Return a value as source text; the domain has only what `repr` writes so that Python reads it back."""
    return repr(value)


ROUND_TRIPS = st.sampled_from([
    "def run():\n    return json.loads(json.dumps({0}))\n",
    "VALUE = {0}\n\n\ndef run():\n    return json.loads(json.dumps(VALUE))\n",
    "def run():\n    value = {0}\n    text = json.dumps(value)\n    return json.loads(text)\n",
    "def run():\n    return json.dumps({0})\n",
    "def run():\n    return bool(json.dumps({0}))\n",
    "def run():\n    return len(json.dumps({0}))\n",
    "def run():\n    return json.dumps({0}, sort_keys=True, indent=2)\n",
    "def run():\n    return json.dumps({0}, separators=(',', ':'), ensure_ascii=False)\n",
    "def run():\n    return json.dumps({0}, separators=(',', ':')).encode('utf-8')\n",
    "def run():\n    return hash(json.dumps({0}))\n",
    "def run():\n    return {{json.dumps({0}): 1}}\n",
    "def run():\n    try:\n        return json.dumps({0})\n    except TypeError:\n        return 1\n",
    "def run():\n    return json.dumps({0}) == json.dumps({0}, indent=None)\n",
    "def run():\n    target = io.StringIO()\n    json.dump({0}, target)\n    return target.getvalue()\n",
    "def run():\n    fp = io.StringIO()\n    json.dump({0}, fp)\n    fp.seek(0)\n    return json.load(fp)\n",
])  # fmt: skip


@generated(150)
@given(ROUND_TRIPS, VALUES)
@example("def run():\n    return json.dumps({0})\n", 1e-05)
@example("def run():\n    return json.dumps({0})\n", [1])
@example("def run():\n    return json.dumps({0})\n", 1e16)
def test_a_safe_rewrite_of_a_constant_gives_the_same(program: str, value: Any) -> None:
    """Where a change is safe, what the program gives back agrees to the last character."""
    both = twins(HEAD + program.format(_literal(value)), unsafe=False)
    assert outcome(both.before) == outcome(both.after), both.text


# Values that orjson writes in another way, or refuses, or writes where json refuses: what is needed, and the value.
ODD_VALUES = {
    "NaN": ("", "float('nan')"),
    "NaN by name": ("import math", "math.nan"),
    "infinity": ("", "float('inf')"),
    "infinity, too large a literal": ("", "1e999"),
    "an integer beyond 64 bits": ("", "2**64"),
    "an integer beyond 64 bits, literal": ("", "18446744073709551616"),
    "a negative integer beyond 64 bits": ("", "-(2**63) - 1"),
    "a lone surrogate": ("", "'\\ud800'"),
    "a named tuple": ("from collections import namedtuple\nPoint = namedtuple('Point', 'x y')", "Point(1, 2)"),
    "a typed named tuple": ("from typing import NamedTuple\nclass Point(NamedTuple):\n    x: int", "Point(1)"),
    "a subclass of float": ("class Share(float):\n    pass", "Share(1.5)"),
    "a subclass of tuple": ("class Pair(tuple):\n    pass", "Pair((1, 2))"),
    "a dict with items of its own": ("class Odd(dict):\n    def items(self):\n        return [('b', 2)]", "Odd(a=1)"),
    "a date and time": ("import datetime", "datetime.datetime(2020, 1, 2, 3, 4, 5)"),
    "a date": ("from datetime import date", "date(2020, 1, 2)"),
    "a UUID": ("import uuid", "uuid.UUID(int=5)"),
    "an enum member": ("import enum\nclass Colour(enum.Enum):\n    RED = 'r'", "Colour.RED"),
    "a dataclass": ("from dataclasses import dataclass\n@dataclass\nclass Point:\n    x: int", "Point(1)"),
    "a decimal": ("from decimal import Decimal", "Decimal('1.5')"),
    "integer keys": ("", "{10: 'a', 9: 'b'}"),
    "integer keys beyond 64 bits": ("", "{2**70: 'a'}"),
    "NaN as a key": ("", "{float('nan'): 'a'}"),
    "a tuple as a key": ("", "{(1, 2): 'a'}"),
    "a date as a key": ("from datetime import date", "{date(2020, 1, 2): 1}"),
    "a circular list": ("ROUND = []\nROUND.append(ROUND)", "ROUND"),
    "a set": ("", "{1, 2}"),
    "bytes": ("", "b'ab'"),
}
# How such a value reaches the call.
WAYS = {
    "directly": "def run():\n    return {use}\n",
    "inside a list": "def run():\n    return {use_in_list}\n",
    "through a variable": "def run():\n    value = {value}\n    return {use_value}\n",
    "through a constant": "VALUE = {value}\n\n\ndef run():\n    return {use_constant}\n",
    "through a parameter": "def write(value):\n    return {use_value}\n\n\ndef run():\n    return write({value})\n",
    "through a returned value": "def make():\n    return {value}\n\n\ndef run():\n    return {use_made}\n",
    "through an attribute": (
        "class Holder:\n    def __init__(self):\n        self.value = {value}\n\n"
        "    def write(self):\n        return {use_attribute}\n\n\n"
        "def run():\n    return Holder().write()\n"
    ),
    "through a dict filled later": "def run():\n    value = {{}}\n    value['key'] = {value}\n    return {use_value}\n",
}
USES = {
    "read back": "json.loads(json.dumps({0}))",
    "sorted": "json.loads(json.dumps({0}, sort_keys=True))",
    "sorted text": "json.dumps({0}, sort_keys=True)",
    "compact text": "json.dumps({0}, separators=(',', ':'), ensure_ascii=False)",
    "only its truth": "bool(json.dumps({0}))",
    "with a default": "json.loads(json.dumps({0}, default=repr))",
}


def _odd_program(odd: str, way: str, use: str) -> str:
    """Return the program in which an odd value takes one way to one use."""
    needs, value = ODD_VALUES[odd]
    names = {
        "use": value, "use_in_list": f"['a', {value}]", "use_value": "value", "use_constant": "VALUE",
        "use_made": "make()", "use_attribute": "self.value",
    }  # fmt: skip
    uses = {name: USES[use].format(argument) for name, argument in names.items()}
    return f"{HEAD}{needs}\n\n\n{WAYS[way].format(value=value, **uses)}"


@pytest.mark.parametrize("use", sorted(USES))
@pytest.mark.parametrize("odd", sorted(ODD_VALUES))
def test_a_value_beyond_the_domain_is_never_safe_and_different(odd: str, use: str) -> None:
    """A visible value outside of the domain is a hazard, a refusal, or written as before."""
    for way in WAYS:
        both = twins(_odd_program(odd, way, use), unsafe=False)
        assert outcome(both.before) == outcome(both.after), f"{odd}, {way}:\n{both.text}"


@pytest.mark.parametrize("odd", ["NaN", "an integer beyond 64 bits", "a lone surrogate", "infinity"])
def test_a_document_beyond_the_domain_is_never_safe_and_different(odd: str) -> None:
    """A visible document that orjson reads in another way, or refuses, is a hazard or a refusal."""
    text = json.dumps({
        "NaN": [math.nan], "an integer beyond 64 bits": [2**64],
        "a lone surrogate": ["\ud800"], "infinity": {"a": -math.inf},
    }[odd])  # fmt: skip
    for program in (
        "def run():\n    return json.loads({0})\n",
        "TEXT = {0}\n\n\ndef run():\n    return json.loads(TEXT)\n",
        "def read(text):\n    return json.loads(text)\n\n\ndef run():\n    return read({0})\n",
        "def run():\n    return json.loads('[' + {0} + ']')\n",
        "def run():\n    return json.load(io.StringIO({0}))\n",
    ):
        source = HEAD + program.format(_literal(text))
        both = twins(source, unsafe=False)
        assert outcome(both.before) == outcome(both.after), both.text
