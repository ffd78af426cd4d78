"""The options that commands share, and the value that they become."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import click

_CommandT = TypeVar("_CommandT", bound=Callable[..., object])
_NamesT = TypeVar("_NamesT", bound="str | tuple[str, ...] | None")
_SIDE = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line of `preview` or `apply` says; the names are those of the options."""

    paths: tuple[str, ...]
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    unsafe: bool = False
    accept: tuple[str, ...] = ()
    strategy: str | None = None
    settings: tuple[str, ...] = ()
    format: str | None = None
    output: Path | None = None
    check: bool = False
    unified: int = 3
    stdin_filename: str | None = None
    allow_dirty: bool = False
    since: str | None = None
    commit: bool = False
    commit_each: bool = False
    resume: bool = False
    verify: str | None = None
    verify_types: bool = False
    verify_timeout: float = 600.0
    no_dependencies: bool = False
    config: Path | None = None
    exclude: tuple[str, ...] = field(default=())
    jobs: int | None = None
    no_cache: bool = False
    color: str = "auto"
    quiet: bool = False
    verbose: bool = False

    @property
    def from_stdin(self) -> bool:
        """Tell whether the source comes from standard input."""
        return self.stdin_filename is not None or "-" in self.paths

    @property
    def in_parts(self) -> bool:
        """Tell whether parts of the changes are to be made by themselves, to be tested, committed, or shown."""
        verified = self.verify is not None or self.verify_types
        return verified or self.commit or self.commit_each or self.format == "sarif"


def examples(*lines: str) -> str:
    """Return the end of a help screen: command lines, which click is not to fill up."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def choosing(command: _CommandT) -> _CommandT:
    """Add what says which changes are looked for, and how they are made."""
    return _decorated(
        command,
        click.option(
            "--select",
            multiple=True,
            metavar="CODEMOD",
            callback=_words,
            help="Run only these codemods (repeat, or separate by commas).",
        ),
        click.option("--ignore", multiple=True, metavar="CODEMOD", callback=_words, help="Do not run these codemods."),
        click.option("--unsafe", is_flag=True, help="Take changes whose hazards could not be ruled out, too."),
        click.option(
            "--accept",
            multiple=True,
            metavar="HAZARD",
            callback=_words,
            help="Take changes that have no hazard but these.",
        ),
        click.option(
            "--strategy",
            metavar="STRATEGY",
            help="How coroutines are spared what blocks: `convert` the functions below them, give each "
            "a `twin`, or `offload` them to a thread.",
        ),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="CODEMOD.OPTION=VALUE",
            help="Set an option of a codemod (repeat for others).",
        ),
    )


def printing(command: _CommandT) -> _CommandT:
    """Add what says what goes to standard output, and what is read from standard input."""
    return _decorated(
        command,
        click.option(
            "--format",
            type=click.Choice(["diff", "json", "sarif", "github", "summary"]),
            help="What to print on standard output.",
        ),
        click.option("-o", "--output", type=_SIDE, metavar="FILE", help="Write it to this file instead."),
        click.option("--check", is_flag=True, help="Write nothing; exit with 1 if something would change."),
        surrounding,
        click.option(
            "--stdin-filename",
            metavar="FILE",
            callback=named,
            help="Read standard input, as the content of this file.",
        ),
    )


def surrounding(command: _CommandT) -> _CommandT:
    """Add how much of a file is shown around a difference."""
    return _decorated(
        command,
        click.option(
            "-U",
            "--unified",
            type=click.IntRange(min=0),
            default=3,
            show_default=True,
            metavar="N",
            help="Lines of context (for 0, use `git apply --unidiff-zero`).",
        ),
    )


def writing(command: _CommandT) -> _CommandT:
    """Add what says which files may be written."""
    return _decorated(
        command,
        click.option("--allow-dirty", is_flag=True, help="Rewrite files that have uncommitted changes, too."),
    )


def limiting(command: _CommandT) -> _CommandT:
    """Add what names files in another way than by their paths."""
    return _decorated(
        command,
        click.option("--since", metavar="REV", help="Rewrite only files that differ from this revision of git."),
    )


def committing(command: _CommandT) -> _CommandT:
    """Add how what is written is committed."""
    return _decorated(
        command,
        click.option("--commit", is_flag=True, help="Make a commit for each codemod."),
        click.option(
            "--commit-each", is_flag=True, help="Make a commit for each change, with what is only right with it."
        ),
    )


def verifying(command: _CommandT) -> _CommandT:
    """Add what the changes have to pass."""
    return _decorated(
        command,
        click.option(
            "--verify",
            metavar="CMD",
            help="Run this command, in the root of the project, before and after; where it fails after, take back the "
            "changes at fault.",
        ),
        click.option(
            "--verify-types",
            is_flag=True,
            help="Take back changes with which the type checker finds something new that is wrong.",
        ),
        click.option(
            "--verify-timeout",
            type=click.FloatRange(min=0, min_open=True),
            default=600.0,
            show_default=True,
            metavar="SECONDS",
            help="A command that takes longer has failed.",
        ),
    )


def metadata(command: _CommandT) -> _CommandT:
    """Add whether project metadata is written, too."""
    return _decorated(
        command,
        click.option(
            "--no-dependencies", is_flag=True, help="Leave project metadata alone: you add what the new code needs."
        ),
    )


def common(command: _CommandT) -> _CommandT:
    """Add the options of everything that looks at a program."""
    return _decorated(
        command,
        click.option("--config", type=_SIDE, metavar="FILE", help="Read [tool.hasten] from this file."),
        click.option(
            "--exclude",
            multiple=True,
            metavar="GLOB",
            help="Do not rewrite these files, named or not (a pattern as in .gitignore, relative to the root "
            "or to the current directory).",
        ),
        click.option(
            "-j",
            "--jobs",
            type=click.IntRange(min=1),
            metavar="N",
            help="Processes to work with; one for each processor by default.",
        ),
        click.option("--no-cache", is_flag=True, help="Neither read nor write the cache."),
        click.option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            help="Colour the diff; auto heeds NO_COLOR and FORCE_COLOR.",
        ),
        click.option("-q", "--quiet", is_flag=True, help="Say only what went wrong."),
        click.option("-v", "--verbose", is_flag=True, help="Say also what is not rewritten, and why."),
    )


def _decorated(command: _CommandT, *decorators: Callable[[_CommandT], _CommandT]) -> _CommandT:
    """Add some options, the first of them first."""
    for decorate in reversed(decorators):
        command = decorate(command)
    return command


def _words(_context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """Split what may be repeated and may be separated by commas."""
    found = tuple(word.strip() for each in given for word in each.split(",") if word.strip())
    if given and not found:
        message = "names nothing; leave the option out for its default"
        raise click.BadParameter(message)
    return found


def named(_context: click.Context, _parameter: click.Parameter, given: _NamesT) -> _NamesT:
    """Refuse an empty name, which a script gives by mistake, and which would stand for the current directory."""
    if given is not None and not all([given] if isinstance(given, str) else given):
        message = "a path is empty"
        raise click.BadParameter(message)
    return given
