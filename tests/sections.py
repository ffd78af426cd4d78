"""Pages that several commands write, each a section of its own."""

from __future__ import annotations

import re
from pathlib import Path

_SECTION = re.compile(r"^<!-- section: (\w+) -->$", re.MULTILINE)


def put(path: Path, introduction: str, name: str, lines: list[str], *, order: list[str]) -> None:
    """Write one section of a page; the others stay as they are.

    Args:
        path: the page; it is made where there is none.
        introduction: what stands above all sections.
        name: the section's name, which stands above it in a comment.
        lines: its text.
        order: the names of all sections, as they follow each other.
    """
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    words = _SECTION.split(old)[1:]
    sections = dict(zip(words[::2], words[1::2], strict=True)) | {name: "\n".join(lines)}
    texts = [f"<!-- section: {each} -->\n\n{sections[each].strip()}" for each in order if each in sections]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join([introduction.strip(), *texts]) + "\n", encoding="utf-8")
