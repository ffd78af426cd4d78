"""What every decision rests on: the program, and the answers about it that several sites share."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from hasten.api import Program
from hasten_codemods.json_to_orjson import sites
from hasten_codemods.json_to_orjson.errors import Errors
from hasten_codemods.json_to_orjson.origins import Origins
from hasten_codemods.json_to_orjson.readers import Readers
from hasten_codemods.json_to_orjson.sites import Site
from hasten_codemods.json_to_orjson.values import Values
from hasten_codemods.json_to_orjson.witnesses import Witnesses


@dataclass(slots=True)
class Evidence:
    """Hazards and proofs gathered for one site, each once."""

    hazards: dict[str, str] = field(default_factory=dict)
    proofs: dict[str, str] = field(default_factory=dict)

    def hazard(self, code: str, message: str) -> None:
        """Note a hazard; the first place found stands for all of its kind."""
        self.hazards.setdefault(code, message)

    def proof(self, code: str, message: str) -> None:
        """Note a proof."""
        self.proofs.setdefault(code, message)


class Context:
    """One program, looked at in every way that the decisions need; each answer is worked out once."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program
        self.values = Values(program)
        self.witnesses = Witnesses(program)
        self.readers = Readers(program)
        self.errors = Errors(program)
        self.origins = Origins(program)

    @cached_property
    def sites(self) -> list[Site]:
        """Return all sites of the program."""
        return sites.find(self.program)
