"""Add what new code needs where the project declares its dependencies, as part of the plan. [IO]."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hasten import dependencies
from hasten.errors import SourceError
from hasten.model import Applicability, Change, Finding, Notice
from hasten.source import decode_plain, read_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(slots=True)
class Metadata:
    """The metadata files of a tree, by path.

    Attributes:
        texts: decoded texts of the files that could be read.
        digests: for the key of cached results.
        notices: files that could not be read.
    """

    texts: dict[str, str] = field(default_factory=dict)
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
                except SourceError as error:
                    found.notices.append(Notice(path, 1, str(error)))
        return found

    def at_root(self) -> dict[str, str]:
        """Return the texts of the files that lie at the root itself."""
        return {path: text for path, text in self.texts.items() if "/" not in path}

    def with_dependencies(self, findings: Iterable[Finding]) -> tuple[list[Finding], list[Notice]]:
        """Let every change require the edits that declare what it depends on.

        Returns all findings, the new changes among them, and a notice for each requirement that finds no place.
        """
        result: list[Finding] = []
        added: dict[tuple[str, str, str], Change] = {}
        notices: dict[tuple[str, str], Notice] = {}
        wanted: dict[str, dict[str, dict[str, None]]] = {}
        pending: list[tuple[int, Change, list[str]]] = []
        for finding in findings:
            result.append(finding)
            if not isinstance(finding, Change) or not finding.dependencies:
                continue
            paths = sorted(
                {path for edit in finding.edits for path in dependencies.metadata_files(self.texts, edit.path)}
            )
            pending.append((len(result) - 1, finding, paths))
            for path in paths:
                needs = wanted.setdefault(finding.codemod, {}).setdefault(path, {})
                needs.update(dict.fromkeys(finding.dependencies))
        for codemod, files in sorted(wanted.items()):
            for path, needs in sorted(files.items()):
                for requirement in needs:
                    self._add(codemod, path, requirement, added, notices)
        for index, change, paths in pending:
            keys = [
                added[change.codemod, path, each].id
                for path in paths
                for each in change.dependencies
                if (change.codemod, path, each) in added
            ]
            result[index] = replace(change, requires=tuple(sorted({*change.requires, *keys})))
        return [*result, *added.values()], sorted(notices.values(), key=lambda each: (each.path, each.message))

    def _add(
        self,
        codemod: str,
        path: str,
        requirement: str,
        added: dict[tuple[str, str, str], Change],
        notices: dict[tuple[str, str], Notice],
    ) -> None:
        text = self.texts[path]
        match dependencies.add(path, text, requirement):
            case dependencies.Added(new):
                edit = dependencies.to_edit(path, text, new)
                name = requirement.partition(">")[0]
                added[codemod, path, requirement] = Change(
                    f"dependency:{path}:{requirement}",
                    codemod,
                    f"add `{name}` to `{path}`",
                    path,
                    Applicability.SAFE,
                    (edit,),
                    support=True,
                )
            case dependencies.CannotAdd(reason):
                notices[path, requirement] = Notice(path, 1, f"`{requirement}` cannot be added: {reason}")
            case _:
                return


def _names(folder: Path) -> set[str]:
    names = {each for each in ("pyproject.toml", "setup.cfg", "setup.py", ".isort.cfg") if (folder / each).is_file()}
    names |= {
        each.name
        for pattern in ("*requirements*.txt", "*requirements*.in")
        for each in folder.glob(pattern)
        if each.is_file()
    }
    if (folder / "requirements").is_dir():
        names |= {
            f"requirements/{each.name}"
            for pattern in ("*.txt", "*.in")
            for each in (folder / "requirements").glob(pattern)
        }
    return names
