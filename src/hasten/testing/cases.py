"""Read fixtures: a case in one file, or in a folder of files."""

from __future__ import annotations

import platform
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from hasten.errors import UsageError

#: The path at which a case in one file is put; `check` is imported from it.
SINGLE = "case.py"

_BOM = b"\xef\xbb\xbf"
_HEADER = re.compile(rb"# case: ([^\r\n]*)(?:\r\n|\r|\n)")
_AFTER = re.compile(rb"^# --- after ---(?:\r\n|\r|\n)", re.MULTILINE)
_WORDS = ("hazards", "refusals", "proofs", "accept", "creates")
_KEYS = frozenset(
    {*_WORDS, "unsafe", "options", "targets", "strategy", "behaviour_differs", "unimportable", "python", "beside"}
)


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes of what an analysis found, each once and sorted."""

    hazards: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    proofs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a codemod.

    Attributes:
        name: the name of its file without the suffix, or of its folder.
        path: where it is.
        before: contents of the tree by path.
        after: the same of the files that change or are created; empty where nothing may change.
        expected: hazards and refusals that must be found, no more and no less, and proofs that must be among those
            found.
        unsafe: whether unsafe changes are taken.
        accept: hazards that are taken.
        creates: files that may be created and whose contents are not compared.
        options: settings of the codemod.
        strategy: how coroutines are spared what blocks.
        targets: the files that may be rewritten; empty is every Python file.
        differs: why the rewritten program behaves in another way; it must, then.
        unimportable: modules without which the rewritten program must behave the same.
        behaviour: a script with a function `behave`, or None.
        python: the versions of Python that know the syntax of the case, or behave as it says.
    """

    name: str
    path: Path
    before: Mapping[str, bytes] = field(repr=False)
    after: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    expected: Codes = Codes()
    unsafe: bool = False
    accept: frozenset[str] = frozenset()
    creates: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    strategy: str = "convert"
    targets: tuple[str, ...] = ()
    differs: str = ""
    unimportable: tuple[str, ...] = ()
    behaviour: Path | None = None
    python: SpecifierSet = field(default_factory=SpecifierSet)

    @property
    def changes(self) -> bool:
        """Tell whether anything is to be rewritten."""
        return bool(self.after)

    @property
    def python_files(self) -> tuple[str, ...]:
        """Return the paths of the program's files."""
        return tuple(sorted(path for path in self.before if path.endswith(".py")))


def load_cases(folder: Path) -> list[Case]:
    """Return the cases in a folder of fixtures that are meant for this version of Python, sorted by name.

    Args:
        folder: holds one file or folder for each case; folders without `before/` are left alone.

    Raises:
        UsageError: a header or `case.toml` cannot be understood.
    """
    cases: list[Case] = []
    for entry in sorted(folder.iterdir()):
        if entry.suffix == ".py":
            cases.append(_load_file(entry))
        elif (entry / "before").is_dir():
            cases.append(_load_folder(entry))
    return [each for each in cases if each.python.contains(platform.python_version(), prereleases=True)]


def _load_file(path: Path) -> Case:
    data = path.read_bytes()
    mark = _BOM if data.startswith(_BOM) else b""
    data = data.removeprefix(_BOM)
    header = _HEADER.match(data)
    if header is not None:
        data = data[header.end() :]
    before, *after = _AFTER.split(data, maxsplit=1)
    words = _header(path, header[1].decode("utf-8") if header is not None else "")
    return _case(path, words, {SINGLE: mark + before}, {SINGLE: mark + after[0]} if after else {})


def _header(path: Path, text: str) -> dict[str, Any]:
    words: dict[str, Any] = {}
    for part in filter(None, (each.strip() for each in text.split(";"))):
        name, _, rest = part.partition(" ")
        items = [each for each in re.split(r"[,\s]+", rest) if each]
        match name:
            case "unsafe" if not items:
                words["unsafe"] = True
            case "differs" if items:
                words["behaviour_differs"] = rest.strip()
            case "strategy" if len(items) == 1:
                words["strategy"] = items[0]
            case "python" if items:
                words["python"] = ",".join(items)
            case "options" if items:
                words["options"] = _toml(path, "\n".join(items))
            case _ if name in _WORDS and items:
                words[name] = items
            case _:
                raise UsageError(f"{path}: the header has a part that says nothing: {part!r}")
    return words


def _load_folder(path: Path) -> Case:
    toml = path / "case.toml"
    words = _toml(toml, toml.read_text(encoding="utf-8")) if toml.is_file() else {}
    script = path / "behaviour.py"
    after = read_tree(path / "after") if (path / "after").is_dir() else {}
    before = read_tree(path / "before")
    before = dict(sorted((before | _beside(path, words.get("beside", []), before)).items()))
    case = _case(path, words, before, after)
    same = sorted(each for each in case.after if case.before.get(each) == case.after[each])
    if same:
        raise UsageError(f"{path}: after/ holds files that are as they were: {', '.join(same)}")
    return replace(case, behaviour=script if script.is_file() else None)


def _beside(path: Path, names: Sequence[str], before: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return files that several cases have in common: they are in `beside/` next to these."""
    found: dict[str, bytes] = {}
    for name in names:
        file = path.parent / "beside" / name
        if name in before or not file.is_file():
            raise UsageError(f"{path}: {name} is {'in before/, too' if name in before else f'not in {file.parent}'}")
        found[name] = file.read_bytes()
    return found


def _toml(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: {error}") from None


def read_tree(folder: Path) -> dict[str, bytes]:
    """Return the contents of every file below a folder, by POSIX path."""
    return {
        each.relative_to(folder).as_posix(): each.read_bytes()
        for each in sorted(folder.rglob("*"))
        if each.is_file() and "__pycache__" not in each.parts
    }


def _case(path: Path, words: dict[str, Any], before: dict[str, bytes], after: dict[str, bytes]) -> Case:
    unknown = sorted(words.keys() - _KEYS)
    if unknown:
        raise UsageError(f"{path}: unknown: {', '.join(unknown)}; known are {', '.join(sorted(_KEYS))}")
    try:
        python = SpecifierSet(words.get("python", ""))
    except InvalidSpecifier as error:
        raise UsageError(f"{path}: {error}") from None
    return Case(
        path.stem,
        path,
        before,
        after,
        Codes(*(tuple(sorted(words.get(each, ()))) for each in ("hazards", "refusals", "proofs"))),
        words.get("unsafe", False),
        frozenset(words.get("accept", ())),
        tuple(words.get("creates", ())),
        words.get("options", {}),
        words.get("strategy", "convert"),
        tuple(words.get("targets", ())),
        words.get("behaviour_differs", ""),
        tuple(words.get("unimportable", ())),
        python=python,
    )
