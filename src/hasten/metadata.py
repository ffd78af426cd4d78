"""Add what new code needs where the project declares its dependencies, as part of the plan. [IO]."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from hasten import distribution, entry_points, suites
from hasten.errors import SourceError
from hasten.model import Applicability, Change, Finding, Notice, RequirementEdit, TextEdit
from hasten.source import decode_plain, read_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hasten.dependencies import Outcome

#: What tests need is declared beside this distribution.
_TESTED_WITH = "pytest"


@dataclass(slots=True)
class Metadata:
    """The metadata files of a tree, by path.

    Attributes:
        texts: decoded texts of the files that could be read.
        links: the files that linked ones lead to, where these can be edited in their place.
        elsewhere: where the others lead that stay inside the root.
        digests: for the key of cached results.
        notices: files that could not be read.
    """

    texts: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    elsewhere: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    @classmethod
    def read(cls, root: Path, targets: Sequence[str]) -> Metadata:
        """Read the metadata files in the directories around the targets."""
        folders = {parent for path in targets for parent in Path(path).parents}
        found = cls()
        for folder in sorted(folders):
            for name in sorted(_names(root / folder)):
                path = (folder / name).as_posix()
                try:
                    data = read_bytes(root, path)
                    found.digests[path] = hashlib.sha256(data).hexdigest()
                    found.texts[path] = decode_plain(path, data).text
                    found._follow(root, path)
                except SourceError as error:
                    found.notices.append(Notice(path, 1, str(error)))
        return found

    def _follow(self, root: Path, path: str) -> None:
        """Note where a link leads: a diff that goes through one is not taken by `git apply`."""
        real, top = os.path.realpath(root / path), os.path.realpath(root)
        file = os.path.relpath(real, top).replace(os.sep, "/")
        # What a file means is told by its name, but for requirements, which may have any.
        same = Path(file).name == Path(path).name or path.endswith((".txt", ".in"))
        if file == path or not Path(real).is_relative_to(top):
            return
        if same:
            self.links[path] = file
            self.digests[file] = self.digests[path]
        else:
            self.elsewhere[path] = file

    def entry_points(self) -> frozenset[str]:
        """Return what the metadata calls from outside, as `module:name`."""
        return entry_points.entry_points(self.texts)

    def lone_modules(self) -> frozenset[str]:
        """Return the modules that are installed one by one, with nothing that lies beside them."""
        return entry_points.lone_modules(self.texts)

    def suites(self) -> tuple[suites.Suite, ...]:
        """Return how the project runs its tests."""
        return suites.suites(self.texts)

    def distribution(self, paths: Iterable[str]) -> distribution.Distribution:
        """Return what the project is to others; `paths` are its Python files."""
        return distribution.distribution(self.texts, paths)

    def at_root(self) -> dict[str, str]:
        """Return the texts of the files that lie at the root itself."""
        return {path: text for path, text in self.texts.items() if "/" not in path}

    def with_dependencies(self, findings: Iterable[Finding]) -> tuple[list[Finding], list[Notice]]:
        """Let every change require the edits that declare what it depends on.

        Returns all findings, the new changes among them, and a notice for each file that cannot be edited.
        """
        result: list[Finding] = []
        added: dict[tuple[str, str, str], Change] = {}
        notices: dict[tuple[str, str], Notice] = {}
        outcomes: dict[tuple[str, str], tuple[tuple[str, Outcome], ...]] = {}
        for finding in findings:
            if not isinstance(finding, Change) or not (finding.dependencies or finding.test_dependencies):
                result.append(finding)
                continue
            keys = set(finding.requires)
            needed = [(each, "") for each in finding.dependencies]
            needed += [(each, _TESTED_WITH) for each in finding.test_dependencies]
            for requirement, beside in needed:
                for path in sorted({edit.path for edit in finding.edits}):
                    if (path, requirement) not in outcomes:
                        outcomes[path, requirement] = self._add(path, requirement, beside)
                    if not outcomes[path, requirement]:
                        what = f"that the tests need `{beside}`" if beside else "what the project needs"
                        message = f"`{requirement}` is needed, and no file says {what}: install it"
                        notices["", requirement] = Notice(path, 1, message)
                    keys |= self._take(
                        finding.codemod, requirement, beside, outcomes[path, requirement], added, notices
                    )
            result.append(replace(finding, requires=tuple(sorted(keys))))
        unread = {(each.path, "read"): each for each in self.notices if added or notices}
        every = {**notices, **unread}.values()
        return [*result, *added.values()], sorted(every, key=lambda each: (each.path, each.message))

    def _add(self, path: str, requirement: str, beside: str) -> tuple[tuple[str, Outcome], ...]:
        """Return what becomes of the requirement of one file; nothing where the project has no metadata."""
        if not self.texts:
            return ()
        # Imported late: format-preserving TOML costs start-up time, which a run that finds nothing need not spend.
        from hasten import dependencies

        if beside:
            return dependencies.add_beside(self.texts, path, requirement, beside)
        return dependencies.add_to_project(self.texts, path, requirement)

    def _take(
        self,
        codemod: str,
        requirement: str,
        beside: str,
        outcomes: Sequence[tuple[str, Outcome]],
        added: dict[tuple[str, str, str], Change],
        notices: dict[tuple[str, str], Notice],
    ) -> set[str]:
        """Note what became of one requirement, and return the keys of the changes that add it."""
        if not outcomes:
            return set()
        from hasten import dependencies

        taken = any(not isinstance(outcome, dependencies.CannotAdd) for _, outcome in outcomes)
        keys: set[str] = set()
        for path, outcome in outcomes:
            match outcome:
                case dependencies.Added() if path in self.elsewhere:
                    reason = f"it is a symbolic link to {self.elsewhere[path]}; add it there by hand"
                    notices[path, requirement] = Notice(path, 1, f"`{requirement}` cannot be added: {reason}")
                case dependencies.Added(new):
                    file = self.links.get(path, path)
                    change = added.get((codemod, file, requirement)) or self._change(
                        codemod, file, requirement, beside, dependencies.to_edit(file, self.texts[path], new)
                    )
                    added[codemod, file, requirement] = change
                    keys.add(change.id)
                case dependencies.CannotAdd(reason) if not (taken and outcome.elsewhere):
                    notices[path, requirement] = Notice(path, 1, f"`{requirement}` cannot be added: {reason}")
                case _:
                    continue
        return keys

    @staticmethod
    def _change(codemod: str, path: str, requirement: str, beside: str, text: TextEdit) -> Change:
        edit = RequirementEdit(path, text.span, text.start, text.end, requirement, beside)
        name = re.split(r"[^\w.-]", requirement)[0]
        return Change(
            f"dependency:{path}:{requirement}",
            codemod,
            f"add `{name}` to `{path}`",
            path,
            Applicability.SAFE,
            (edit,),
            support=True,
        )


def _names(folder: Path) -> set[str]:
    """Return the names of the metadata files in a directory; what cannot be looked at is none."""
    patterns: tuple[str, ...] = (
        "pyproject.toml",
        "setup.cfg",
        "setup.py",
        ".isort.cfg",
        "*requirements*.txt",
        "*requirements*.in",
    )
    patterns += suites.FILES
    found = {name for name in _listed(folder) if any(fnmatch(name, pattern) for pattern in patterns)}
    found |= {f"requirements/{name}" for name in _listed(folder / "requirements") if name.endswith((".txt", ".in"))}
    return {name for name in found if (folder / name).is_file()}


def _listed(folder: Path) -> list[str]:
    try:
        return [each.name for each in folder.iterdir()]
    except OSError:
        return []
