"""Comments that keep hasten away: `# hasten: ignore`, `# hasten: ignore[codemod]`, `# hasten: ignore-file`.

A comment covers all lines of the statement, or of the header of the compound statement, that it stands on. One that
stands alone between statements covers the statement below it. Words after the directive are free, for a reason.
"""

from __future__ import annotations

import difflib
import io
import re
import tokenize
from collections.abc import Collection
from dataclasses import dataclass

from hasten.model import Notice, Source

_MARK = "hasten:"
_OURS = re.compile(r"#\s*hasten:\s*(?P<rest>.*)")
_DIRECTIVE = re.compile(r"(?P<word>ignore-file|ignore)(?:\[(?P<names>[^\[\]]*)\])?(?=\s|$)")
_FORMS = ("ignore", "ignore-file")
# A line behind the last one of any file.
_END = 2**63


@dataclass(frozen=True, slots=True)
class _Comment:
    """One directive, the lines that it covers, and the codemods that it names; None names all of them."""

    line: int
    first: int
    last: int
    codemods: frozenset[str] | None

    def covers(self, codemod: str, line: int) -> bool:
        return self.first <= line <= self.last and (self.codemods is None or codemod in self.codemods)


@dataclass(frozen=True, slots=True)
class Ignores:
    """What the comments of one file say.

    Attributes:
        path: the file.
        comments: the directives, in the order of the file.
        malformed: one notice for each comment that is addressed to hasten and cannot be understood.
    """

    path: str
    comments: tuple[_Comment, ...] = ()
    malformed: tuple[Notice, ...] = ()

    def covers(self, codemod: str, line: int) -> bool:
        """Tell whether `codemod` is to leave a site on `line` alone."""
        return any(comment.covers(codemod, line) for comment in self.comments)

    def unused(
        self,
        hits: Collection[tuple[str, int]],
        *,
        known: Collection[str] | None = None,
        ran: Collection[str] | None = None,
    ) -> tuple[Notice, ...]:
        """Return a notice for each comment that ignores nothing, cannot be understood, or names an unknown codemod.

        Args:
            hits: `(codemod, line)` of every site of the file that was left alone because of `covers`.
            known: the names of the codemods that are installed; None leaves the names unchecked.
            ran: the codemods that ran. A comment for one that did not run, or for all of them where not all ran, may
                be needed another time, and is not reported. None is all.
        """
        notices = list(self.malformed)
        partial = ran is not None and known is not None and not set(known) <= set(ran)
        for comment in self.comments:
            if known is not None and comment.codemods is not None:
                for name in sorted(comment.codemods - set(known)):
                    text = f"`hasten: ignore[{name}]` names no codemod{_near(name, known)}"
                    notices.append(Notice(self.path, comment.line, text))
                if not comment.codemods & set(known):
                    continue
            if any(comment.covers(codemod, line) for codemod, line in hits):
                continue
            if partial if comment.codemods is None else ran is not None and not comment.codemods & set(ran):
                continue
            notices.append(Notice(self.path, comment.line, "this `hasten:` comment ignores nothing"))
        return tuple(sorted(notices, key=lambda notice: (notice.line, notice.message)))


def parse(source: Source) -> Ignores:
    """Return the directives of a file; the tokenizer runs only over a file that mentions hasten.

    A file that cannot be tokenized gives what was found up to the error: such a file is not rewritten anyway.
    """
    if _MARK not in source.text:
        return Ignores(source.path)
    comments: list[_Comment] = []
    malformed: list[Notice] = []
    for text, line, first, last in _comments_in(source.text):
        for match in _OURS.finditer(text):
            comment = _read(match["rest"], line, first, last)
            if comment is not None:
                comments.append(comment)
            else:
                malformed.append(Notice(source.path, line, _complaint(match["rest"])))
    return Ignores(source.path, tuple(comments), tuple(malformed))


def _comments_in(text: str) -> list[tuple[str, int, int, int]]:
    """Return text, line, and the first and last line of the statement, of each comment that mentions hasten."""
    # The tokenizer has opinions of its own about a lone carriage return; the number of lines stays the same.
    readline = io.StringIO(re.sub(r"\r\n?", "\n", text)).readline
    found: list[tuple[str, int, int, int]] = []
    waiting: list[tuple[str, int]] = []
    first = 0
    try:
        for token in tokenize.generate_tokens(readline):
            if token.type == tokenize.COMMENT:
                if _MARK in token.string:
                    waiting.append((token.string, token.start[0]))
            elif token.type == tokenize.NEWLINE:
                found += [(string, line, min(first, line), token.start[0]) for string, line in waiting]
                waiting.clear()
                first = 0
            elif token.type not in {tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}:
                first = first or token.start[0]
    except (tokenize.TokenError, SyntaxError):
        pass
    # What is left stands below the last statement, and covers nothing but itself.
    found += [(string, line, line, line) for string, line in waiting]
    return found


def _read(rest: str, line: int, first: int, last: int) -> _Comment | None:
    """Return the directive in the text after `hasten:`, None where it is none."""
    match = _DIRECTIVE.match(rest)
    if match is None:
        return None
    whole_file = match["word"] == "ignore-file"
    if match["names"] is None:
        return _Comment(line, 1 if whole_file else first, _END if whole_file else last, None)
    names = frozenset(name.strip() for name in match["names"].split(","))
    if whole_file or "" in names:
        return None
    return _Comment(line, first, last, names)


def _complaint(rest: str) -> str:
    """Return what is wrong with a comment that is addressed to hasten."""
    said = rest.strip()
    if said.startswith("ignore-file["):
        return "`hasten: ignore-file` takes no names of codemods"
    if said.startswith("ignore["):
        return "`hasten: ignore[...]` needs names of codemods, separated by commas, and a closing bracket"
    word = said.split("[")[0].split(" ")[0]
    return f"`hasten: {word}` is not understood{_near(word, _FORMS)}"


def _near(word: str, known: Collection[str]) -> str:
    """Return `; did you mean ...?` with the nearest known word, or nothing."""
    found = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.5)
    return f"; did you mean `{found[0]}`?" if found else ""
