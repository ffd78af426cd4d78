"""What `cache-pure-loaders` sees in the bytes of a file is at least what it sees in the file's facts."""

from __future__ import annotations

import sysconfig
import textwrap
from pathlib import Path

import pytest

from hasten import pipeline, registry
from hasten.config import Config
from hasten.errors import SourceError
from hasten.index.build import build
from hasten.index.facts import Facts, Memory, pack
from hasten.index.module import Module
from hasten.source import read
from hasten_codemods.cache_pure_loaders.computing import calling_themselves, computing, counting
from hasten_codemods.cache_pure_loaders.sighting import may_compute

#: Packages of the standard library with loops of every kind.
LIBRARY = Path(sysconfig.get_path("stdlib"))
FILES = sorted(
    path.relative_to(LIBRARY).as_posix()
    for name in ("*.py", "asyncio/*.py", "email/*.py", "json/*.py", "unittest/*.py", "xml/*/*.py")
    for path in LIBRARY.glob(name)
    if path.stat().st_size < 60_000
)


def _computing(text: str) -> list[str]:
    """Return the names of the functions that the codemod would look at, by the facts of their file."""
    module = Module("module.py", "module", Facts(pack(build(text, ())), Memory()))
    scopes = [module.scope(each) for each in sorted(computing(module) | counting(module) | calling_themselves(module))]
    return [
        each.name
        for each in scopes
        if any(shape != ["k", "NoneType", "None"] for shape in each.returned)
        and not each.is_async
        and not each.is_generator
        # A method that is given something, and uses its object, is never cached.
        and not (len(each.parameters) > 1 and each.parameters[0][0] in {"self", "cls"})
    ]


def test_what_computes_is_seen_in_the_bytes() -> None:
    """No file of the standard library has such a function, and is passed over by the first look."""
    missed, seen = [], 0
    for path in FILES:
        try:
            source = read(LIBRARY, path)
        except SourceError:
            continue
        names = _computing(source.text)
        seen += bool(names)
        if names and not may_compute("module.py", source.data):
            missed.append(f"{path}: {', '.join(names)}")
    assert seen > 50
    assert not missed


@pytest.mark.parametrize(
    "text",
    [
        "def load(path):\n    for line in path:\n        print(line)\n    return path\n",
        "class A:\n    def f(self, n):\n        while n:\n            n = self.next(n)\n        return n\n",
        "def f(n):\n    while n:\n        yield n\n        n -= 1\n",
        "def f(n):\n    for i in range(n):\n        print(i)\n",
        "import re\n\nP = re.compile('a')\n",
    ],
)
def test_what_is_passed_over(text: str) -> None:
    """Most files with loops are not read for them."""
    assert not may_compute("app.py", text.encode())
    assert not may_compute("tests/test_app.py", b"def f(n):\n    while n:\n        n -= 1\n    return n\n")


def test_functions_that_call_each_other_are_each_looked_at_once(tmp_path: Path) -> None:
    """A parser by hand, of thirty functions that call three others each, is looked at to its end."""
    text = textwrap.dedent("""
        def get{0}(value):
            while value:
                token, value = get{1}(value)
                token, value = get{2}(value)
                token, value = get{3}(value)
            return token, value
    """)
    names = [text.format(each, (each + 1) % 30, (each + 7) % 30, (each + 11) % 30) for each in range(30)]
    (tmp_path / "app.py").write_text("\n".join(names), encoding="utf-8")
    codemod = next(each for each in registry.load() if each.name == "cache-pure-loaders")
    report = pipeline.run(pipeline.Request(tmp_path, Config(), ("app.py",), jobs=1), [codemod])
    assert report.plan.changes == ()
