"""What files are read for: reasons to read one, noted by those who ask a program something."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

#: What counts as an occurrence of what is wanted in a file:
#:
#: - `word`: the identifier, wherever it stands;
#: - `called`: only where it is called;
#: - `stored`: only where an attribute of that name may be assigned to, or its name stands in a string;
#: - `imported`: only where it may be imported by a name of its own;
#: - `read`: only where an attribute of that name may be read and not called, or its name stands in a string;
#: - `pattern`: a match of the regular expression;
#: - `module`: the file is to hold what the absolute dotted name stands for.
Kind: TypeAlias = Literal["word", "called", "stored", "imported", "read", "pattern", "module"]


class Want(NamedTuple):
    """A reason to read a file.

    Attributes:
        text: an identifier, or what `kind` says.
        kind: where it counts.
        beside: words of which the file must hold one as well, such as the name of the module to import from; with
            none, it need not.
    """

    text: str
    kind: Kind = "word"
    beside: frozenset[str] = frozenset()
