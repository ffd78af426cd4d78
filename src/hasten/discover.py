"""Find the files of a run: the ones to rewrite, and the program around them that is read for evidence.

Ignore rules are git's own, read from the `.gitignore` files, whether or not there is a repository; the patterns are
compiled by `pathspec`. Each path is matched level by level, as git does it: what is below an ignored directory is never
looked at, and a later or deeper rule wins over an earlier or outer one.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pathspec

from hasten.errors import SourceError, UsageError
from hasten.model import Notice, Problem
from hasten.source import read_bytes

_SKIPPED = frozenset({
    ".git", ".hg", ".svn", ".venv", ".tox", ".nox", ".eggs", "node_modules", "__pypackages__", "__pycache__",
    "site-packages", ".mypy_cache", ".ruff_cache", ".pytest_cache",
})  # fmt: skip
# What builds and packages call their output is also a fair name for a package of one's own.
_SKIPPED_UNLESS_PACKAGE = frozenset({"build", "dist"})
_ROOT_MARKS = ("pyproject.toml", "setup.py", "setup.cfg")
_REPOSITORY_MARKS = (".git", ".hg")


@dataclass(frozen=True, slots=True)
class Discovered:
    """What `discover` found; every path is POSIX, relative to the root, sorted, and in one of the two lists only.

    Attributes:
        targets: the files to rewrite.
        context: the other Python files of the root, read for evidence and never written.
        problems: named paths that cannot be used, and directories below named paths that cannot be listed.
        notices: named paths that are excluded, and directories of the context that cannot be listed.
    """

    targets: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    notices: tuple[Notice, ...] = ()


def discover(paths: Sequence[Path], *, root: Path, exclude: Sequence[str] = ()) -> Discovered:
    """Return the files below `paths` and the program around them.

    A named file is taken whatever its name and whatever git ignores. A named directory is walked, and the rules that
    would hide the directory itself are set aside below it; the rest hold. What `exclude` hides is never taken, named or
    not. Directories of tools and of installed packages are skipped. Symbolic links met on the way are not followed:
    what they point to is found under its own name where it belongs to the root, and is none of ours where it does not.
    Around paths that belong to no program, nothing is read: see `is_marked`.

    Args:
        paths: files and directories; an empty sequence is the root itself.
        root: the directory that all paths are in, as `find_root` returns it.
        exclude: patterns in the syntax of `.gitignore`, relative to the root, of files that are not rewritten.

    Raises:
        UsageError: a path is outside of the root, or a pattern cannot be compiled.
    """
    root = _real(root)
    excludes = _compiled(exclude, root)
    outer = _outer_rules(root)
    around = _walk(root, "", outer, excludes) if is_marked(root) else _Walk()
    targets: set[str] = set()
    context = around.files.keys() | around.excluded.keys()
    problems: list[Problem] = []
    notices: set[Notice] = set()
    named_directories: list[str] = []
    for path in paths or (root,):
        resolved = _real(path)
        try:
            relative = resolved.relative_to(root).as_posix()
        except ValueError:
            message = f"{path} is outside of {root}"
            raise UsageError(message) from None
        relative = "" if relative == "." else relative
        kind = _kind(resolved)
        if kind == stat.S_IFDIR:
            named_directories.append(relative)
        elif kind != stat.S_IFREG:
            problems.append(Problem(relative, "read", "is not a regular file" if kind else _why_not(resolved)))
        elif not _hides(excludes, relative):
            targets.add(relative)
        else:
            context.add(relative)
        if kind in {stat.S_IFDIR, stat.S_IFREG} and _hides(excludes, relative, directory=kind == stat.S_IFDIR):
            notices.add(Notice(relative, 0, "is excluded, and not rewritten"))
    unreadable = dict(around.unreadable)
    for directory in sorted(set(named_directories)):
        below = around
        if directory not in around.visited:
            rules = _rules_for_named(root, directory, outer)
            below = _walk(root, directory, rules, excludes, hidden=_hides(excludes, directory, directory=True))
            unreadable.update(below.unreadable)
            context |= below.excluded.keys()
        prefix = f"{directory}/" if directory else ""
        targets.update(file for file in below.files if file.startswith(prefix))
        problems += [
            Problem(where, "read", message)
            for where, message in below.unreadable.items()
            if where == directory or where.startswith(prefix)
        ]
    blamed = {problem.path for problem in problems}
    notices |= {Notice(path, 0, text) for path, text in unreadable.items() if path not in blamed}
    return Discovered(
        targets=tuple(sorted(targets)),
        context=tuple(sorted(context - targets)),
        problems=tuple(sorted(set(problems), key=lambda problem: (problem.path, problem.message))),
        notices=tuple(sorted(notices, key=lambda notice: (notice.path, notice.message))),
    )


def find_root(paths: Sequence[Path], cwd: Path) -> Path:
    """Return the directory that the program of `paths` is in: where configuration, evidence and the journal belong.

    It is the nearest directory, from the common parent of the paths upwards, that holds `.git`, `.hg`, or a
    `pyproject.toml` with a `[tool.hasten]` table: the rule of black. A repository is preferred to a package inside of
    it, because evidence is looked for in the whole program. Where no directory has one of those, it is the nearest with
    a `pyproject.toml`, `setup.py` or `setup.cfg`, and else the common parent itself.

    Args:
        paths: files and directories, which need not exist; an empty sequence stands for `cwd`.
        cwd: what relative paths are relative to.
    """
    starts = []
    for path in paths or (cwd,):
        full = _real(cwd / path)
        starts.append(full if _kind(full) == stat.S_IFDIR else full.parent)
    common = Path(os.path.commonpath(starts))
    while _kind(common) != stat.S_IFDIR and common != common.parent:
        common = common.parent
    above = (common, *common.parents)
    for is_root in (_is_top, _is_package):
        for directory in above:
            if is_root(directory):
                return directory
    return common


def is_marked(root: Path) -> bool:
    """Tell whether something says that `root` is where a program is.

    Where nothing does, it is just what some paths have in common, be it a home directory or `/`: what else is in there
    is no evidence about them, and may be the whole machine.
    """
    return _is_top(root) or _is_package(root)


def is_skipped(folder: str, name: str) -> bool:
    """Tell whether a directory called `name` in `folder` is one that tools or installers made, not going by rules."""
    return name in _SKIPPED or name in _SKIPPED_UNLESS_PACKAGE or _kind(Path(folder, name, "pyvenv.cfg")) != 0


def is_excluded(path: str, *, root: Path, exclude: Sequence[str]) -> bool:
    """Tell whether `discover`, given `exclude`, leaves out the file at `path` of the root."""
    return _hides(_compiled(exclude, root), path)


def patterns_from(directory: Path, patterns: Iterable[str], *, root: Path) -> tuple[str, ...]:
    """Return `patterns` as they are, and where they lead to from `directory`, both relative to the root.

    Patterns are in the syntax of `.gitignore`, where `./` and full paths mean nothing; a shell's completion gives both.
    A pattern without a slash inside matches at any depth anyway.
    """
    found: dict[str, None] = {}
    for pattern in patterns:
        sign, body = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
        found[sign + body.removeprefix(".") if body.startswith("./") else pattern] = None
        full = _real(directory / body)
        if "/" in body.rstrip("/") and full != root and full.is_relative_to(root):
            found[f"{sign}/{full.relative_to(root).as_posix()}{'/' if body.endswith('/') else ''}"] = None
    return tuple(found)


def _compiled(exclude: Sequence[str], root: Path) -> _Rules | None:
    return _Rules("", patterns_from(root, exclude, root=root), strict=True) if exclude else None


def _hides(excludes: _Rules | None, path: str, *, directory: bool = False) -> bool:
    """Tell whether the patterns match `path`, or a directory that it is in."""
    if excludes is None or not path:
        return False
    parts = path.split("/")
    ends = ["/"] * (len(parts) - 1) + ["/" if directory else ""]
    return any(
        excludes.verdict("/".join(parts[: depth + 1]) + end, parts[depth] + end) is True
        for depth, end in enumerate(ends)
    )


def _real(path: Path) -> Path:
    """Return the full path without links; where they go in circles, some path that leads nowhere."""
    return Path(os.path.realpath(path))


def _kind(path: Path) -> int:
    """Return the type of file that `path` leads to, as `stat.S_IFMT` gives it; 0 where none can be seen."""
    try:
        return stat.S_IFMT(path.stat().st_mode)
    except OSError:
        return 0


def _why_not(path: Path) -> str:
    try:
        path.stat()
    except OSError as error:
        return error.strerror or str(error)
    return os.strerror(errno.ENOENT)  # it was not there a moment ago


def _is_top(directory: Path) -> bool:
    """Tell whether a directory is the top of a repository, or is configured."""
    return any(_kind(directory / mark) for mark in _REPOSITORY_MARKS) or _is_configured(directory)


def _is_package(directory: Path) -> bool:
    return any(_kind(directory / mark) == stat.S_IFREG for mark in _ROOT_MARKS)


def _is_configured(directory: Path) -> bool:
    """Tell whether the directory's `pyproject.toml` has a `[tool.hasten]` table."""
    try:
        data = read_bytes(directory, "pyproject.toml")
    except SourceError:
        return False
    if b"hasten" not in data:
        return False
    try:
        tool = tomllib.loads(data.decode()).get("tool")
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        # It names hasten and is broken: take it, so that reading the configuration says what is wrong with it.
        return b"tool.hasten" in data
    return isinstance(tool, dict) and "hasten" in tool


class _Rules:
    """The patterns of one `.gitignore` file, or of a like list, that hold for the paths below one directory."""

    def __init__(self, base: str, lines: Iterable[str], *, lead: str = "", strict: bool = False) -> None:
        """Compile `lines`, which hold below `base` (relative to the root, ends in `/` unless empty).

        Args:
            lead: the way from the directory of the patterns down to the root, where they come from above it.
            strict: a line that cannot be compiled raises UsageError; it is passed over, as git does it, otherwise.
        """
        self.base = base
        self._lead = lead
        self._patterns: list[tuple[bool, bool, re.Pattern[str]]] = []
        for line in lines:
            # `dir/**/` is every directory in `dir`; pathspec would take `dir` itself for one of them.
            spelled = re.sub(r"/\*\*/\s*$", "/**/*/", line)
            try:
                compiled = pathspec.GitIgnoreSpec.from_lines([spelled]).patterns
            except ValueError:
                if strict:
                    message = f"the pattern {line!r} cannot be understood"
                    raise UsageError(message) from None
                continue
            for pattern in compiled:
                if pattern.include is not None and pattern.regex is not None:
                    # Without a slash before its end a pattern matches names at any depth, so the name is enough.
                    by_name = "/" not in line.strip().rstrip("/")
                    self._patterns.append((pattern.include, by_name, pattern.regex))
        self._patterns.reverse()
        self._some_name = _union(regex.pattern for _, by_name, regex in self._patterns if by_name)
        self._some_path = _union(regex.pattern for _, by_name, regex in self._patterns if not by_name)

    def verdict(self, path: str, name: str) -> bool | None:
        """Return whether `path` itself is ignored, None where no pattern matches it.

        Args:
            path: relative to the root; a directory's ends in `/`.
            name: its last part, with the same `/`.
        """
        return self._judge(self._lead + path[len(self.base) :], name)

    def hides_root(self) -> bool:
        """Tell whether the patterns, which come from above the root, ignore the root or a directory around it."""
        steps = self._lead.split("/")[:-1]
        return any(self._judge("/".join(steps[: depth + 1]) + "/", step + "/") for depth, step in enumerate(steps))

    def _judge(self, path: str, name: str) -> bool | None:
        # One search says for nearly all paths that no pattern matches.
        if not (
            (self._some_name is not None and self._some_name.search(name))
            or (self._some_path is not None and self._some_path.search(path))
        ):
            return None
        for include, by_name, regex in self._patterns:
            if _matches_itself(regex, name if by_name else path):
                return include
        return None


def _union(patterns: Iterable[str]) -> re.Pattern[str] | None:
    """Compile an expression that finds what one of the patterns finds; their group names, which clash, are removed."""
    parts = [re.sub(r"\(\?P<\w+>", "(?:", pattern) for pattern in patterns]
    return re.compile("|".join(f"(?:{part})" for part in parts)) if parts else None


def _matches_itself(regex: re.Pattern[str], path: str) -> bool:
    """Tell whether a pattern of pathspec matches `path` itself, and not only a directory that `path` is in.

    pathspec's expressions also match everything below a matching directory. For one path at a time that is right; level
    by level it is not, since a negation that matched the directory has been obeyed by then.
    """
    match = regex.search(path)
    if match is None:
        return False
    if regex.pattern == "(?P<ps_d>/)":  # `*/`
        return path.endswith("/")
    if "ps_d" in regex.groupindex:
        return match.group("ps_d") is None or match.end("ps_d") == len(path)
    # `dir/**` is everything in the directory, but not the directory.
    return not (regex.pattern.endswith("/") and match.end() == len(path))


@dataclass(slots=True)
class _Walk:
    """What one walk found."""

    files: dict[str, None] = field(default_factory=dict)
    excluded: dict[str, None] = field(default_factory=dict)
    visited: set[str] = field(default_factory=set)
    unreadable: dict[str, str] = field(default_factory=dict)


def _walk(root: Path, top: str, rules: tuple[_Rules, ...], excludes: _Rules | None, *, hidden: bool = False) -> _Walk:
    """Walk the directory `top` of `root`; `rules` are those from outside of it, outermost first."""
    found = _Walk()
    stack = [(top, rules, hidden)]
    while stack:
        directory, rules, hidden = stack.pop()
        try:
            with os.scandir(root / directory if directory else root) as listing:
                entries = list(listing)
        except OSError as error:
            found.unreadable[directory or "."] = f"cannot be listed: {error.strerror}"
            continue
        names = {entry.name for entry in entries}
        if directory != top and _is_foreign(directory.rpartition("/")[2], names, root / directory):
            continue
        found.visited.add(directory)
        base = f"{directory}/" if directory else ""
        if ".gitignore" in names:
            own = _read_rules(root / directory / ".gitignore", base)
            rules = (*rules, own) if own else rules
        for entry in entries:
            name = entry.name
            is_directory = entry.is_dir(follow_symlinks=False)
            if is_directory:
                if name in _SKIPPED or name.endswith(".egg-info"):
                    continue
                name += "/"
            elif not name.endswith(".py") or not entry.is_file(follow_symlinks=False):
                continue
            path = base + name
            if _ignored(rules, path, name):
                continue
            concealed = hidden or (excludes is not None and bool(excludes.verdict(path, name)))
            if is_directory:
                stack.append((path[:-1], rules, concealed))
            else:
                (found.excluded if concealed else found.files)[path] = None
    return found


def _is_foreign(name: str, names: set[str], full: Path) -> bool:
    """Tell whether a directory with these entries holds installed or built code."""
    if "pyvenv.cfg" in names:
        return True
    if name in {"venv", "env"}:
        return any(_kind(full / folder / "activate") for folder in ("bin", "Scripts"))
    return name in _SKIPPED_UNLESS_PACKAGE and "__init__.py" not in names


def _ignored(rules: tuple[_Rules, ...], path: str, name: str) -> bool:
    """Tell whether the innermost rule that matches ignores the path."""
    for rule in reversed(rules):
        verdict = rule.verdict(path, name)
        if verdict is not None:
            return verdict
    return False


def _rules_for_named(root: Path, directory: str, outer: tuple[_Rules, ...]) -> tuple[_Rules, ...]:
    """Return the rules for a walk from a named directory, without those that hide it."""
    rules = list(outer)
    parts = directory.split("/")
    for depth in range(len(parts)):
        base = "".join(f"{part}/" for part in parts[:depth])
        own = _read_rules(root / base / ".gitignore", base)
        if own:
            rules.append(own)

    def hides(rule: _Rules) -> bool:
        return any(
            rule.verdict("/".join(parts[: depth + 1]) + "/", parts[depth] + "/") is True
            for depth in range(rule.base.count("/"), len(parts))
        )

    return tuple(rule for rule in rules if not hides(rule))


def _outer_rules(root: Path) -> tuple[_Rules, ...]:
    """Return the rules from above the root: `info/exclude` and the `.gitignore` files of the repository around it.

    They are left out when they hide the root itself: a person who works on an ignored directory means it.
    """
    for top in (root, *root.parents):
        if _kind(top / ".git"):
            break
    else:
        return ()
    inner = root.relative_to(top).parts
    files = [(0, _git_directory(top / ".git") / "info" / "exclude")]
    files += [(depth, top.joinpath(*inner[:depth], ".gitignore")) for depth in range(len(inner))]
    rules = []
    for depth, file in files:
        own = _read_rules(file, "", lead="".join(f"{part}/" for part in inner[depth:]))
        if own:
            rules.append(own)
    return () if any(rule.hides_root() for rule in rules) else tuple(rules)


def _git_directory(mark: Path) -> Path:
    """Return the directory of the repository whose `.git` is `mark`: for a work tree or submodule, that is a file."""
    try:
        directory = mark.parent / os.fsdecode(read_bytes(mark.parent, mark.name)).removeprefix("gitdir:").strip()
    except SourceError:
        return mark
    try:
        return directory / os.fsdecode(read_bytes(directory, "commondir")).strip()
    except SourceError:
        return directory


def _read_rules(path: Path, base: str, *, lead: str = "") -> _Rules | None:
    """Return the rules of a file, None where there is none to read."""
    try:
        data = read_bytes(path.parent, path.name)
    except SourceError:
        return None
    return _Rules(base, data.decode("utf-8-sig", "surrogateescape").split("\n"), lead=lead)
