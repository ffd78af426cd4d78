"""The commands `list` and `explain`: what there is, and what a name or a code means."""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from hasten.cli import streams
from hasten.cli.options import examples

if TYPE_CHECKING:
    from hasten.api import Code, Codemod
    from hasten.registry import Registry

_WIDTH = 80
_PLACE = re.compile(r"(.+):([0-9]{1,9})")


@click.command("list", epilog=examples("hasten list", "hasten list --format json"))
@click.option("--format", "kind", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
def list_command(kind: str) -> int:
    """List the codemods that are installed, those of plugins included."""
    found = _registry()
    if kind == "json":
        items = [_item(codemod, origin) for codemod, origin in zip(found.codemods, found.origins, strict=True)]
        streams.write(streams.json_of(items))
    else:
        rows = [
            [codemod.name, codemod.title + ("" if origin == "hasten" else f" ({origin})")]
            for codemod, origin in zip(found.codemods, found.origins, strict=True)
        ]
        streams.write_text("".join(f"{line}\n" for line in streams.aligned(rows)))
    return 0


@click.command(
    "explain",
    epilog=examples("hasten explain json-to-orjson", "hasten explain JSON003", "hasten explain src/store.py:12"),
)
@click.argument("word", metavar="NAME|CODE|PATH:LINE")
def explain_command(word: str) -> int:
    """Show the page of a codemod, or of a hazard, refusal or proof by its code.

    With the place of a function: say whether it becomes a coroutine function, and the shortest way to why, and
    everything that was found in it.
    """
    place = _PLACE.fullmatch(word)
    if place is not None:
        from hasten.cli import explaining

        streams.write_text("".join(f"{streams.visible(line)}\n" for line in explaining.lines(place[1], int(place[2]))))
        return 0
    from hasten.codes import ENGINE_CODES
    from hasten.config import near
    from hasten.errors import UsageError

    found = _registry()
    codemods = {codemod.name: codemod for codemod in found.codemods}
    codes = {code.code: (codemod.name, code) for codemod in found.codemods for code in codemod.codes}
    codes |= {code.code: ("hasten itself", code) for code in ENGINE_CODES}
    if word.replace("_", "-") in codemods:
        lines = _codemod_page(codemods[word.replace("_", "-")])
    elif word.upper() in codes:
        lines = _code_page(*codes[word.upper()])
    else:
        from hasten.cli import explaining

        explaining.demand_line(word)
        there = near(word, (*codemods, *codes)) or "; `hasten list` shows the codemods, and the page of each its codes"
        message = f"there is no codemod or code {word!r}{there}"
        raise UsageError(message)
    streams.write_text("".join(f"{line}\n" for line in lines))
    return 0


def _registry() -> Registry:
    from hasten import registry

    found = registry.load()
    for problem in found.problems:
        streams.fail(problem)
    return found


def _item(codemod: Codemod, origin: str) -> dict[str, Any]:
    return {
        "name": codemod.name,
        "title": codemod.title,
        "distribution": origin,
        "contract": _flat(codemod.contract),
        "codes": [{"code": code.code, "kind": code.kind, "title": code.title} for code in codemod.codes],
        "options": [
            {
                "name": option.name,
                "type": option.type.__name__,
                "default": option.default,
                "choices": list(option.choices),
                "help": _flat(option.help),
            }
            for option in codemod.options
        ],
    }


def _codemod_page(codemod: Codemod) -> Iterable[str]:
    yield codemod.name
    yield "=" * len(codemod.name)
    yield ""
    documentation = inspect.getdoc(sys.modules[type(codemod).__module__]) or ""
    # A class may live in a private module of its package; the title is the package's.
    _, _, body = documentation.partition("\n")
    yield codemod.title
    if body.strip():
        yield ""
        yield from body.strip("\n").rstrip().split("\n")
    yield from _section("Contract", codemod.contract)
    if codemod.options:
        yield ""
        yield f"Options, in [tool.hasten.{codemod.name}]"
        for option in codemod.options:
            kind = " or ".join(map(repr, option.choices)) or option.type.__name__
            yield f"  {option.name} ({kind}, {option.default!r} by default)"
            yield from _wrapped(option.help, "    ")
    for kind, heading in (("hazard", "Hazards"), ("refusal", "Refusals"), ("proof", "Proofs")):
        rows = [[code.code, _flat(code.title)] for code in codemod.codes if code.kind == kind]
        if rows:
            yield ""
            yield heading
            yield from (f"  {line}" for line in streams.aligned(rows))


def _code_page(owner: str, code: Code) -> Iterable[str]:
    yield f"{code.code}: {_flat(code.title)}"
    yield f"a {code.kind} of {owner}"
    yield ""
    yield from _wrapped(code.text)
    yield from _section("What you can do", code.remedy)


def _section(heading: str, text: str) -> Iterable[str]:
    if text.strip():
        yield ""
        yield heading
        yield from _wrapped(text, "  ")


def _wrapped(text: str, indent: str = "") -> Iterable[str]:
    """Yield the lines of a text, paragraph by paragraph."""
    for number, paragraph in enumerate(inspect.cleandoc(text).split("\n\n")):
        if number:
            yield ""
        yield from textwrap.wrap(
            _flat(paragraph),
            _WIDTH,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )


def _flat(text: str) -> str:
    return " ".join(text.split())
