"""From options to a report: root, configuration, files, codemods, and the run itself."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hasten import config as configuration
from hasten import home, pipeline, registry, source
from hasten.cli import streams
from hasten.cli.git import changed_since
from hasten.cli.places import here, shown_from
from hasten.cli.progress import Bar
from hasten.codes import ENGINE_CODES
from hasten.discover import Discovered, discover, find_root, is_excluded, is_marked, patterns_from
from hasten.errors import SourceError, UsageError
from hasten.model import Code, Notice, Problem, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hasten.api import Codemod
    from hasten.cli.options import Options

_UNNAMED = "stdin.py"


@dataclass(frozen=True, slots=True)
class Session:
    """A finished run, and what is needed to tell about it.

    Attributes:
        root: the directory that the paths of the report are relative to.
        config: what was asked for.
        codemods: those that ran.
        report: what they gave.
        stdin: the path under which standard input was read, None where files were.
        problems: what is not in the report: paths that could not be used.
        targets: the number of files that could be rewritten.
    """

    root: Path
    config: configuration.Config
    codemods: tuple[Codemod, ...]
    report: pipeline.Report
    stdin: Source | None
    problems: tuple[Problem, ...]
    targets: int

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the codemods that ran."""
        return tuple(codemod.name for codemod in self.codemods)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run is asked for.

    Attributes:
        root: the directory that the paths of the request are relative to.
        config: what was asked for.
        codemods: those that are to run.
        request: what the pipeline takes.
        stdin: standard input, None where files are read.
        problems: paths that cannot be used.
    """

    root: Path
    config: configuration.Config
    codemods: tuple[Codemod, ...]
    request: pipeline.Request
    stdin: Source | None
    problems: tuple[Problem, ...]


def run(options: Options) -> Session:
    """Do what the options ask for, up to the report.

    Raises:
        HastenError: the command line or the configuration is wrong.
    """
    asked = prepared(options)
    with Bar() as progress:
        report = pipeline.run(asked.request, asked.codemods, progress)
    return finished(asked, report)


def finished(asked: Prepared, report: pipeline.Report) -> Session:
    """Return what was asked for with what came of it; refuse standard input that is only right with other files."""
    if asked.stdin is not None:
        _demand_wholly_in(asked.stdin.path, report)
    targets = len(asked.request.targets)
    return Session(asked.root, asked.config, asked.codemods, report, asked.stdin, asked.problems, targets)


def prepared(options: Options, *, whole: bool = False) -> Prepared:
    """Return what the options ask for.

    Args:
        options: the command line.
        whole: all files of the project may be rewritten, whatever paths are named.

    Raises:
        HastenError: the command line or the configuration is wrong.
    """
    cwd = here()
    installed = registry.load()
    if not options.quiet:
        for problem in installed.problems:
            streams.fail(problem)
    named = _stdin_name(options)
    root = find_root([Path(named)] if named is not None else [Path(path) for path in options.paths], cwd)
    config = configuration.override(
        configuration.load(root, options.config, installed.codemods), installed.codemods,
        select=options.select, ignore=options.ignore, unsafe=options.unsafe, accept=options.accept,
        strategy=options.strategy, settings=options.settings,
        exclude=patterns_from(cwd, options.exclude, root=root), jobs=options.jobs,
    )  # fmt: skip
    chosen = chosen_from(config, installed.codemods)
    stdin: Source | None = None
    problems: tuple[Problem, ...] = ()
    if named is None:
        paths = [cwd / path for path in options.paths or (".",)]
        more = [root] if whole and is_marked(root) else []
        found = discover([*paths, *more], root=root, exclude=config.exclude)
    else:
        stdin, found, problems = _read_stdin(
            root, cwd / named, exclude=config.exclude, alone=options.stdin_filename is None
        )
    if options.since is not None:
        if named is not None:
            message = "--since is about files, and standard input is none"
            raise UsageError(message)
        found = _changed_since(root, options.since, found)
    if not options.quiet:
        shown = shown_from(root)
        for notice in found.notices:
            streams.fail(f"{shown(notice.path)}: {notice.message}")
    request = pipeline.Request(
        root=root, config=config, targets=found.targets, context=found.context,
        unsafe=config.unsafe, accept=config.accept, named=bool(config.select), jobs=config.jobs,
        cache=None if options.no_cache else cache_path(),
        overlay=(stdin,) if stdin else (),
        # The metadata cannot be written when text goes from stdin to stdout.
        dependencies=not options.no_dependencies and named is None,
        known=tuple(codemod.name for codemod in installed.codemods),
    )  # fmt: skip
    return Prepared(root, config, chosen, request, stdin, (*found.problems, *problems))


def _changed_since(root: Path, revision: str, found: Discovered) -> Discovered:
    """Return what was found, of which only files that differ from a revision may be rewritten."""
    changed = changed_since(root, revision)
    targets = tuple(path for path in found.targets if Path(os.path.realpath(root / path)) in changed)
    others = {*found.context, *found.targets}.difference(targets)
    return replace(found, targets=targets, context=tuple(sorted(others)))


def codes_of(codemods: Sequence[Codemod]) -> dict[str, Code]:
    """Return all codes that codemods and the engine give, by name."""
    return {code.code: code for each in codemods for code in each.codes} | {each.code: each for each in ENGINE_CODES}


def quiet_codes(codemods: Sequence[Codemod], *, verbose: bool) -> frozenset[str]:
    """Return the codes of refusals that are told only where all is told."""
    return frozenset(code.code for codemod in codemods for code in codemod.codes if code.quiet and not verbose)


def chosen_from(config: configuration.Config, installed: Sequence[Codemod]) -> tuple[Codemod, ...]:
    """Return the codemods that are to run.

    Raises:
        UsageError: there are some, and all that are selected are ignored: "nothing to rewrite" would be no answer.
    """
    chosen = tuple(codemod for codemod in installed if config.runs(codemod.name))
    if installed and not chosen:
        every = "all that are selected are" if config.select else "all are"
        message = f"no codemod is left to run: {every} ignored ({', '.join(sorted(config.ignore))})"
        raise UsageError(message)
    return chosen


def cache_path() -> Path | None:
    """Return the database of cached facts, None where there is no place for it."""
    cache = home.cache_folder()
    return cache / "facts.sqlite3" if cache is not None else None


def _stdin_name(options: Options) -> str | None:
    """Return the name that standard input is read under, None where it is not read."""
    if not options.from_stdin:
        return None
    if any(path not in {"-", options.stdin_filename} for path in options.paths):
        message = "standard input cannot be read together with other paths"
        raise UsageError(message)
    return options.stdin_filename or _UNNAMED


def _read_stdin(
    root: Path, named: Path, *, exclude: tuple[str, ...], alone: bool
) -> tuple[Source | None, Discovered, tuple[Problem, ...]]:
    """Return standard input as a source, and the program around it.

    Text without a name has no place in the program, and is looked at by itself.
    """
    try:
        path = Path(os.path.realpath(named)).relative_to(root).as_posix()
    except ValueError:
        message = f"{named} is outside of {root}"
        raise UsageError(message) from None
    around = discover([], root=root) if not alone and is_marked(root) else Discovered()
    context = tuple(other for other in around.targets if other != path)
    try:
        data = sys.stdin.buffer.read()
    except OSError as error:
        message = f"standard input cannot be read: {error.strerror}"
        raise UsageError(message) from None
    try:
        stdin = source.decode(path, data)
    except SourceError as error:
        return None, Discovered(), (Problem(path, error.kind, str(error)),)
    if not alone and is_excluded(path, root=root, exclude=exclude):
        notice = Notice(path, 0, "is excluded, and not rewritten")
        return stdin, Discovered(context=(path, *context), notices=(notice,)), ()
    return stdin, Discovered(targets=(path,), context=context), ()


def _demand_wholly_in(path: str, report: pipeline.Report) -> None:
    """Refuse to rewrite standard input where that is only right together with other files."""
    others = sorted(
        {
            edit.path
            for change in report.plan.changes
            if change.id in report.selected
            for edit in change.edits
            if edit.path != path
        }
    )
    if others:
        message = (
            f"{path} can only be rewritten together with {', '.join(others)}; save it, and run hasten on the files"
        )
        raise UsageError(message)
