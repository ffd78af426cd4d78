"""The errors that hasten raises on purpose: one sentence each, for the person at the terminal.

Nothing here prints. The command line turns a `HastenError` into one line on stderr and exit code 2.
"""

from __future__ import annotations


class HastenError(Exception):
    """Base of every error that a person can cause and mend; its text is one sentence."""


class ConfigError(HastenError):
    """The configuration names an unknown key, or gives a key a value that it cannot take."""


class UsageError(HastenError):
    """The command line asks for something that cannot be done."""


class VerifyError(HastenError):
    """What the person wants to pass does not, before anything is rewritten."""


class RegistryError(HastenError):
    """A codemod package could not be loaded, or two of them claim one name."""


class SourceError(HastenError):
    """One file cannot be processed; the others go on.

    Attributes:
        kind: what failed, one word for machines: `read`, `decode`, `syntax`, `write`, `changed` or `internal`.
    """

    def __init__(self, kind: str, message: str) -> None:
        """Keep `kind` beside the sentence."""
        super().__init__(message)
        self.kind = kind

    def __reduce__(self) -> tuple[type[SourceError], tuple[str, str]]:
        """Pickle with both arguments, so that a worker process can hand the error back."""
        return type(self), (self.kind, str(self))


class JournalError(HastenError):
    """The journal cannot be read or written, so nothing is applied or undone."""


class DirtyTreeError(HastenError):
    """Files that would be rewritten have uncommitted changes."""
