"""What is asked of git, and how."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

from hasten.errors import HastenError, UsageError


class GitError(HastenError):
    """Git is not there, or does not do what it is asked; its text is what git says."""


def run(directory: Path, *arguments: str) -> bytes:
    """Run git in a directory, and return what it prints.

    Raises:
        GitError: it is not there, or fails.
    """
    # A question is no reason to write to the index, which another git may be using.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"):
        environment.pop(name, None)
    command = ["git", "-C", str(directory), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - names of files, and what is written here
            command, capture_output=True, check=False, env=environment, stdin=subprocess.DEVNULL
        )
    except OSError as error:
        raise GitError(error.strerror or "it cannot be started") from None
    if done.returncode:
        said = " ".join(os.fsdecode(done.stderr or done.stdout).split())
        raise GitError(said or f"exit code {done.returncode}")
    return done.stdout


def work_tree(directory: Path, known: dict[Path, Path | None] | None = None) -> Path | None:
    """Return the nearest directory from this one upwards that holds `.git`; `known` remembers answers."""
    known = {} if known is None else known
    if directory not in known:
        if (directory / ".git").exists():
            known[directory] = directory
        else:
            known[directory] = None if directory == directory.parent else work_tree(directory.parent, known)
    return known[directory]


def changed_since(root: Path, revision: str) -> frozenset[Path]:
    """Return the files that differ from a revision, and those that git does not track and does not ignore.

    Raises:
        UsageError: this is no work tree, or there is no such revision.
    """
    try:
        top = Path(os.fsdecode(run(root, "rev-parse", "--show-toplevel").removesuffix(b"\n")))
        commit = run(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        name = commit.decode("ascii").strip()
        names = run(top, "diff", "--name-only", "-z", "--diff-filter=d", "--no-renames", "--no-ext-diff", name, "--")
        names += run(top, "ls-files", "--others", "--exclude-standard", "-z")
    except GitError as error:
        message = (
            f"--since {revision}: git knows of no such revision here ({error}); "
            "name a commit, a branch or a tag of this work tree"
        )
        raise UsageError(message) from None
    return frozenset(Path(os.path.realpath(top / os.fsdecode(each))) for each in names.split(b"\0") if each)


def commit(top: Path, files: list[str], message: str) -> str:
    """Commit some files as they are, whatever else is in the index, and return the short name of the commit.

    Where it comes to no commit, the index holds what it held of them before.

    Args:
        top: the top of the work tree.
        files: their paths from there.
        message: what the commit says.

    Raises:
        GitError: git does not commit, or a hook does not let it.
    """
    before = head(top)
    try:
        run(top, "--literal-pathspecs", "add", "--", *files)
        run(top, "--literal-pathspecs", "commit", "--quiet", f"--message={message}", "--only", "--", *files)
    except BaseException:
        # What is in the index goes into the next commit, which is somebody else's.
        if head(top) == before:
            with suppress(GitError):
                run(top, "--literal-pathspecs", "reset", "--quiet", "--", *files)
        raise
    return os.fsdecode(run(top, "rev-parse", "--short", "HEAD")).strip()


def head(top: Path) -> bytes:
    """Return the name of the commit that is checked out, b"" where there is none yet."""
    try:
        return run(top, "rev-parse", "--verify", "--quiet", "HEAD")
    except GitError:
        return b""
