"""The surface for authors of codemods, and the only module of the engine that a codemod imports.

A codemod is one module (or package) with one class that derives from `Codemod`. Its `analyse` looks at facts about the
whole program and yields changes and refusals; its `transformer` is a LibCST transformer that carries the edits out.
The two never mix: analysis has no tree to change, and a transformer knows nothing but its orders.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from hasten.companion import Companion, is_written
from hasten.decorating import ALONE, PLAIN, RANK_OF_CACHES, RANK_OF_RETRIES, decorate
from hasten.index.callers import is_common
from hasten.index.elsewhere import overwritten
from hasten.index.flow import Sink, follow
from hasten.index.module import Argument, Block, Call, Guard, Module, Read, Scope
from hasten.index.narrowing import excluded, instance_of
from hasten.index.program import Program
from hasten.index.shown import namespace_read
from hasten.model import (
    Applicability,
    Change,
    Code,
    Edit,
    Finding,
    Hazard,
    ImportRequest,
    NodeEdit,
    Position,
    Proof,
    Refusal,
    Span,
    TextEdit,
)
from hasten.strategies import OFFLOAD, ByPath
from hasten.touches import Touch, touches_of
from hasten.uses import Use, meaning, trouble_with
from hasten.uses import find as find_uses

if TYPE_CHECKING:
    from hasten.async_bases import is_made_by_others
    from hasten.async_first_use import FirstUse
    from hasten.async_fixtures import is_fixture
    from hasten.async_forms import cleans_up
    from hasten.async_injected import givers, is_requested, requesters
    from hasten.async_mentions import THREADS
    from hasten.async_receivers import Receivers, receivers_of
    from hasten.async_served import KEPT
    from hasten.async_trails import is_followed, is_partly, value_calls
    from hasten.async_transformer import AsyncTransformer
    from hasten.asynchrony import Conversion
    from hasten.awaited import Awaited, IdleTests, Locked, Step, waiting
    from hasten.concurrency import Tasks
    from hasten.decorator_transformer import DecoratorTransformer
    from hasten.later import raced
    from hasten.rewrite import Transformer

__all__ = [
    "ALONE",
    "KEPT",
    "OFFLOAD",
    "PLAIN",
    "RANK_OF_CACHES",
    "RANK_OF_RETRIES",
    "THREADS",
    "Applicability",
    "Argument",
    "AsyncTransformer",
    "Awaited",
    "Block",
    "ByPath",
    "Call",
    "Change",
    "Code",
    "Codemod",
    "Companion",
    "Conversion",
    "DecoratorTransformer",
    "Edit",
    "Finding",
    "FirstUse",
    "Guard",
    "Hazard",
    "IdleTests",
    "ImportRequest",
    "Locked",
    "Module",
    "NodeEdit",
    "Option",
    "Position",
    "Program",
    "Proof",
    "Read",
    "Receivers",
    "Refusal",
    "Scope",
    "Settings",
    "Sink",
    "Span",
    "Step",
    "Tasks",
    "TextEdit",
    "Touch",
    "Transformer",
    "Use",
    "cleans_up",
    "decorate",
    "excluded",
    "find_uses",
    "follow",
    "givers",
    "instance_of",
    "is_common",
    "is_fixture",
    "is_followed",
    "is_made_by_others",
    "is_partly",
    "is_requested",
    "is_written",
    "meaning",
    "namespace_read",
    "overwritten",
    "raced",
    "receivers_of",
    "requesters",
    "touches_of",
    "trouble_with",
    "value_calls",
    "waiting",
]


@dataclass(frozen=True, slots=True)
class Option:
    """A setting of a codemod, read from `[tool.hasten.<codemod>]`, or given with `--set`.

    Attributes:
        name, help: what it is called, and what it does.
        type: of its value, and of its default.
        default: its value where nobody gives one.
        choices: the words that it may be. Such an option may be one for some files, and another for others: its value
            is a `ByPath`, whatever was given.
        per: names that may each have a value of their own, in a table, `default` being that of the others. The value
            of such an option is a mapping of names to values, `""` standing for all that are not in it.
    """

    name: str
    type: type
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    per: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person set for one codemod; every declared option has a value."""

    options: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - the declared type of the option
        """Return the value of the option `name`."""
        return self.options[name]


class Codemod(ABC):
    """One named transformation.

    It is sent to other processes, which ask for its transformer, so it is one that `pickle` takes.

    Attributes:
        name: kebab-case, derived from the module's name by the registry.
        title: the first line of the module's docstring, set by the registry.
        contract: what stays the same under a `safe` change, in one paragraph.
        triggers: a file that holds none of these byte strings has no site and is not parsed, except for one that
            `may_have_site` sees.
        literals: regular expressions; string literals that match one are kept among the facts.
        asks: where a candidate holds one of these byte strings, `Program.resolve_call` will most likely be asked: the
            checker, which takes long, begins early then.
        codes: every hazard, refusal and proof that the codemod gives.
        options: its settings.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    contract: ClassVar[str] = ""
    triggers: ClassVar[tuple[bytes, ...]] = ()
    literals: ClassVar[tuple[str, ...]] = ()
    asks: ClassVar[tuple[bytes, ...]] = ()
    codes: ClassVar[tuple[Code, ...]] = ()
    options: ClassVar[tuple[Option, ...]] = ()

    @abstractmethod
    def analyse(self, program: Program, settings: Settings) -> Iterator[Finding]:
        """Yield a change or a refusal for every site of `program`.

        A pure function of its arguments: no files, no clock, no state kept between calls. It may be called again
        with a larger program when it asked for facts (`Program.callers` and its like) that were not there yet.
        """

    def may_have_site(self, path: str, data: bytes) -> bool:  # noqa: ARG002 - for those who look
        """Tell whether a file that holds no trigger may have a site all the same; few codemods need to look.

        It is asked of every such file of a run, so it must be fast: no parsing.

        Args:
            path: relative to the root.
            data: the bytes of the file.
        """
        return False

    def prepare(self) -> None:  # noqa: B027 - most codemods have nothing to prepare
        """Import what `analyse` needs; called while other processes read files.

        So the module of a codemod itself can be imported fast, which every run of the command waits for.
        """

    @abstractmethod
    def transformer(self) -> type[Transformer]:
        """Return the LibCST transformer class; imported late, since LibCST costs start-up time."""


#: What is imported when it is first used: most runs of the command never need LibCST, and many no coroutines.
_LATE = {
    "AsyncTransformer": "hasten.async_transformer",
    "Awaited": "hasten.awaited",
    "FirstUse": "hasten.async_first_use",
    "is_made_by_others": "hasten.async_bases",
    "IdleTests": "hasten.awaited",
    "Locked": "hasten.awaited",
    "Conversion": "hasten.asynchrony",
    "DecoratorTransformer": "hasten.decorator_transformer",
    "Step": "hasten.awaited",
    "THREADS": "hasten.async_mentions",
    "Tasks": "hasten.concurrency",
    "Transformer": "hasten.rewrite",
    "Receivers": "hasten.async_receivers",
    "receivers_of": "hasten.async_receivers",
    "is_followed": "hasten.async_trails",
    "is_partly": "hasten.async_trails",
    "value_calls": "hasten.async_trails",
    "KEPT": "hasten.async_served",
    "cleans_up": "hasten.async_forms",
    "is_fixture": "hasten.async_fixtures",
    "givers": "hasten.async_injected",
    "is_requested": "hasten.async_injected",
    "raced": "hasten.later",
    "requesters": "hasten.async_injected",
    "waiting": "hasten.awaited",
}


def __getattr__(name: str) -> object:
    """Import what is used late."""
    if name in _LATE:
        return getattr(import_module(_LATE[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
