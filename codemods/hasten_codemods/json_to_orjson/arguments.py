"""Read the arguments of `dumps` and `dump`: which options orjson has a twin for, and which it has not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hasten.api import Argument, Call, Program

Shape = list[Any]

_KNOWN = frozenset(
    {"skipkeys", "ensure_ascii", "check_circular", "allow_nan", "cls", "indent", "separators", "default", "sort_keys"}
)
_ASKED = "no longer asked about UUIDs and Enum members, and newly asked about named tuples and `float` subclasses"
_MISSING = object()


@dataclass(slots=True)
class Spelling:
    """What a call asks for.

    Attributes:
        value: the argument that is written.
        file: the argument that is written to, for `dump`.
        refusals: `(code, detail)`; any one stops the rewrite.
        hazards: `(code, detail)`.
        options: names of orjson's `OPT_...` flags.
        default: empty, `keep` (a `default=` that stays) or `cls` (an encoder whose method becomes `default=`).
        keywords: the arguments whose values are constants, for running the standard library on a constant.
    """

    value: Argument | None = None
    file: Argument | None = None
    refusals: list[tuple[str, str]] = field(default_factory=list)
    hazards: list[tuple[str, str]] = field(default_factory=list)
    options: set[str] = field(default_factory=set)
    default: str = ""
    keywords: dict[str, object] = field(default_factory=dict)


def read(program: Program, call: Call, function: str) -> Spelling:
    """Return what a call of `json.dumps` or `json.dump` asks for."""
    spelling = Spelling()
    arguments = call.arguments
    wanted = ("obj",) if function == "dumps" else ("obj", "fp")
    positional = [each for each in arguments if each.keyword is None]
    named: dict[str, Argument] = {each.keyword: each for each in arguments if each.keyword is not None}
    if "*" in named or "**" in named:
        spelling.refusals.append(("JSON106", "the call takes arguments that cannot be seen (`*` or `**`)"))
        return spelling
    taken = [*positional, *(named[word] for word in wanted[len(positional) :] if word in named)]
    if len(positional) > len(wanted) or len(taken) != len(wanted):
        spelling.refusals.append(
            ("JSON106", f"`{function}` takes {len(wanted)} positional argument(s); this call is an error today")
        )
        return spelling
    spelling.value = taken[0]
    spelling.file = taken[1] if function == "dump" else None
    for word, argument in named.items():
        if word in wanted:
            continue
        if word not in _KNOWN:
            spelling.refusals.append(("JSON106", f"`json` does not know the argument `{word}=`"))
            continue
        _option(program, call, word, argument, spelling)
    if (
        all(constant(named[word].shape) is not None for word in ("cls", "default") if word in named)
        and {"cls", "default"} <= named.keys()
    ):
        spelling.refusals.append(("JSON104", "both `cls=` and `default=` are given"))
    _layout(named, spelling)
    dropped = [word for word in named if word not in wanted and not (word == "default" and spelling.default == "keep")]
    if call.commented and (dropped or function == "dump"):
        spelling.refusals.append(
            ("JSON113", "a comment may stand beside an argument that has to go; move it out of the call")
        )
    return spelling


def _option(program: Program, call: Call, word: str, argument: Argument, spelling: Spelling) -> None:
    value = constant(argument.shape)
    if value is not _MISSING:
        spelling.keywords[word] = value
    match word:
        case "skipkeys" if value is not False:
            spelling.refusals.append(("JSON102", "`skipkeys` drops keys that orjson raises TypeError for"))
        case "allow_nan" if value is not True:
            spelling.refusals.append(("JSON103", "`allow_nan=False` checks for NaN; orjson would write `null`"))
        case "check_circular" if value is not True:
            spelling.hazards.append(
                ("JSON019", "`check_circular=False` raises RecursionError on a circular structure, orjson TypeError")
            )
        case "sort_keys" if value is True:
            spelling.options.add("OPT_SORT_KEYS")
        case "sort_keys" | "ensure_ascii" if value is _MISSING:
            spelling.refusals.append(("JSON106", f"`{word}=` is not a constant"))
        case "default" if value is not None:
            spelling.default = "keep"
            spelling.options |= {"OPT_PASSTHROUGH_DATETIME", "OPT_PASSTHROUGH_DATACLASS"}
            spelling.hazards.append(("JSON010", f"`default` is {_ASKED}"))
        case "cls" if value is not None:
            _encoder(program, call, argument, spelling)
        case _:
            return


def _encoder(program: Program, call: Call, argument: Argument, spelling: Spelling) -> None:
    """Accept `cls=Encoder` where `Encoder` is the program's own and does nothing but override `default`."""
    dotted = program.dotted(call.module, call.scope, argument.shape)
    if dotted == "json.JSONEncoder":
        return
    scope = program.resolve(dotted) if dotted else None
    if scope is None or scope.kind != "class":
        spelling.refusals.append(("JSON104", "the encoder class is not one of the program's own"))
        return
    bases = [scope.module.dotted(scope.parent, each) for each in scope.bases]
    members = {
        name for name in scope.module.facts["binds"][scope.number] if name not in {"__doc__", "__slots__", "__module__"}
    }
    if bases != ["json.JSONEncoder"] or members != {"default"}:
        spelling.refusals.append(("JSON104", f"the encoder `{scope.name}` does more than override `default`"))
        return
    spelling.default = "cls"
    spelling.options |= {"OPT_PASSTHROUGH_DATETIME", "OPT_PASSTHROUGH_DATACLASS"}
    spelling.hazards.append(("JSON011", f"`{scope.name}.default` is {_ASKED}"))


def _layout(named: dict[str, Argument], spelling: Spelling) -> None:
    indent = constant(named["indent"].shape) if "indent" in named else None
    separators = _pair(named["separators"].shape) if "separators" in named else None
    if indent is not None:
        if indent not in (2, "  ") or indent is True:
            spelling.refusals.append(
                (
                    "JSON101",
                    "orjson indents by two spaces or not at all"
                    if indent is not _MISSING
                    else "`indent=` is not a constant",
                )
            )
            return
        spelling.options.add("OPT_INDENT_2")
        if separators is not None and separators != (",", ": "):
            spelling.refusals.append(
                ("JSON101", "orjson always writes `: ` and no space at the end of a line when it indents")
            )
        return
    if separators is _MISSING or (separators is not None and tuple(each.strip() for each in separators) != (",", ":")):
        spelling.refusals.append(("JSON116", "`separators` are not those of JSON, or not constants"))
    elif separators is not None:
        spelling.keywords["separators"] = separators


def _pair(shape: Shape) -> Any:  # noqa: ANN401 - a pair, None, or the marker
    if shape[:2] == ["k", "NoneType"]:
        return None
    if (
        shape[0] in {"t", "l"}
        and len(shape[1]) == len((",", ":"))
        and all(each[:2] == ["k", "str"] for each in shape[1])
    ):
        return shape[1][0][2], shape[1][1][2]
    return _MISSING


def constant(shape: Shape) -> Any:  # noqa: ANN401 - any constant
    """Return the constant that an argument is, or a marker that no constant equals."""
    match shape:
        case ["k", "NoneType", _]:
            return None
        case ["k", "bool", text]:
            return text == "True"
        case ["k", "int", str() as text]:
            return int(text)
        case ["k", "str", str() as text]:
            return text
        case _:
            return _MISSING
