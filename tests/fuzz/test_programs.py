"""Generated programs, and the standard library's own, come through hasten whole."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

import hypothesmith
import libcst as cst
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.fuzz import laws
from tests.fuzz.laws import generated

# Generated code is full of `1 is 1` and `"\d"`, which the compiler remarks on.
pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")

IMPORTS = (
    ("import json", "json.{}"),
    ("import json as j", "j.{}"),
    ("import os, json, sys  # all of them", "json.{}"),
    ("import json; import os", "json.{}"),
    ("from json import dump, dumps, load, loads", "{}"),
    ("from json import dumps as d, loads as l, dump as dd, load as ll\nx = 1", "{}"),
    ("from json import (\n    dumps,  # writes\n    loads,\n    dump, load\n)", "{}"),
    ("try:\n    import json\nexcept ImportError:\n    json = None", "json.{}"),
    ("if True:\n    import json", "json.{}"),
    ("from __future__ import annotations\nimport json", "json.{}"),
    ('"""A docstring."""\nimport json', "json.{}"),
    ("#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n\nimport json\n", "json.{}"),
    ("from os import path\nimport json, orjson", "json.{}"),
    ("import json.decoder\nimport json", "json.{}"),
    ("def late():\n    import json\n    return json\nimport json", "json.{}"),
    ("from json import *", "{}"),
    ("", "json.{}"),
)

CALLS = (
    "{dumps}({x})",
    "{dumps}(obj={x})",
    "{dumps}({x}, indent=2)",
    "{dumps}({x}, sort_keys=True, indent=2,)",
    "{dumps}(\n        {x},\n        # why\n        separators=(',', ':'),\n        ensure_ascii=False,\n    )",
    "{dumps}({x}, default=str)",
    "{dumps}({x}, cls=None)",
    "{dumps}({x}, indent=4)",
    "{dumps} ( {x} )",
    "({dumps})({x})",
    "{dumps}({x}).encode()",
    "{dumps}({x}).encode('utf-8')",
    "({dumps}({x}))",
    "{dumps}(*{x})",
    "{dumps}({x}, **{{}})",
    "{loads}({x})",
    "{loads}(s={x})",
    "{loads}({dumps}({x}))",
    "{loads}({x}, object_hook=dict)",
    "{load}({x})",
    "{load}(open('x'))",
    "{dump}({x}, fp)",
    "{dump}({x}, fp=fp, indent=2)",
    "map({loads}, {x})",
    "{dumps}",
)

PLACES = (
    "{0}\n",
    "x = y = {0}\n",
    "x: str = {0}\n",
    "def f(a={0}, *, b: {1} = {0}) -> {1}:\n    '''doc'''\n    return {0}\n",
    "@decorate({0})\nclass C({1}):\n\ty = {0}  # tab\n\tdef m(self): return {1}\n",
    "x = [{0} for _ in {1} if {0}]\n",
    "x = f'''{{{0}}} and {{{1}!r:>10}}'''\n",
    "f = lambda a={0}: {1}\n",
    "if (x := {0}): pass\nelif {1}: pass\n",
    "async def f():\n    async with g({0}) as h:\n        return await g({1})\n",
    "print(*{0}, **{{'a': {1}}})\n",
    "x = (  # open\n    {0}  # one\n    + {1}  # two\n    ).strip()\n",
    "x = {0}; y = {1};\n",
    "if True: x = {0}\nelse: x = {1}\n",
    "with open('x', 'w') as fp, {0} as y:\n    fp.write({1})\n",
    "match {0}:\n    case [1, *_] if {1}:\n        x = {0}\n    case _: pass\n",
    "assert {0}, {1}\n",
    "x = a[{0}:{1}]\n",
    "x = \\\n  {0} \\\n  + {1}\n",
    "x = 'é' + {0} + '\U0001f40d' + {1}  # ünï\n",
    "try:\n    {0}\nexcept ValueError: {1}\nelse:\n    x = {0}\nfinally: pass\n",
    "for x in {0}:\n    break\nelse:\n    {1}\n",
    "while {0}:\n  x = {1}\n  continue\n",
    "del {0}[0], {1}.b\n",
    "{0}.x = {1}[0] = 1\n",
    "\x0c\nx = {0}\n\x0c\ny = {1}\n",
    "def g():\n    x = yield {0}\n    yield from {1}\n",
    "x = not {0} < {1} <= {0} if {1} else {0}\n",
    "def f():\n    global json\n    json = {0}\n    return {1}\n",
    "def f():\n    global x\n    json = {0}\n    return json.dumps({1})\n",
    "class C:\n    json = None\n    x = {0}\n    def m(self, json): return {1}\n",
    "raise {0} from {1}\n",
    "x = {0}  # hasten: ignore\ny = {1}\n",
    "x = '''\n{{}}\n''' % {0}\n",
    "return_ = {0}\n    \n\n\ny = {1}",
)


def _code(node: type[cst.CSTNode]) -> st.SearchStrategy[str]:
    """Return a strategy for the text of nodes of one kind."""
    return hypothesmith.from_node(node, auto_target=False)


PLAIN = ("{}", "{'a': 1}", "[1.5, None]", "x", "self.data", "'[1]'", "b'{}'", "(yield)", "fp", "dict(a=1)")
# Generating code is slow, so a program has one such part: as an argument, or between the places.
ODD_ARGUMENTS = st.one_of(_code(cst.Lambda).map("({})".format), _code(cst.Call))
ODD_FILLERS = st.one_of(hypothesmith.from_grammar(auto_target=False), _code(cst.FunctionDef))


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Return modules that use json in odd ways, in odd places, beside code that is odder still."""
    imports, name = draw(st.sampled_from(IMPORTS))
    names = {word: name.format(word) for word in ("dumps", "loads", "dump", "load")}
    arguments, filler = [*PLAIN], "\n"
    if draw(st.booleans()):
        arguments = [draw(ODD_ARGUMENTS), "x"]
    else:
        filler = draw(ODD_FILLERS)
    parts = [imports + "\n"]
    for _ in range(draw(st.integers(1, 4))):
        calls = [draw(st.sampled_from(CALLS)).format(x=draw(st.sampled_from(arguments)), **names) for _ in range(2)]
        parts.append(draw(st.sampled_from(PLACES)).format(*calls) + "\n")
    parts.insert(draw(st.integers(1, len(parts))), filler + "\n")
    text = "".join(parts)
    assume("\x00" not in text)
    assume(laws.compiles(text.encode("utf-8", "replace")))
    return text


@generated(25)
@given(programs())
def test_a_program_comes_through_whole(text: str) -> None:
    """Every law holds for generated modules that call json."""
    laws.check_program({"module.py": text.encode()})


@generated(5)
@given(programs(), programs())
def test_two_modules_come_through_whole(first: str, second: str) -> None:
    """Every law holds where one generated module imports another."""
    importer = f"{second}\nfrom package.one import *\nimport package.one as other\nother.f({{}})\nx = other.x\n"
    assume(laws.compiles(importer.encode()))
    laws.check_program(
        {"package/__init__.py": b"", "package/one.py": first.encode(), "package/two.py": importer.encode()}
    )


@generated(15)
@given(st.one_of(hypothesmith.from_grammar(auto_target=False), _code(cst.Module)))
def test_a_program_without_json_is_left_alone(text: str) -> None:
    """A module that never says `json` gives no change and no refusal."""
    assume("json" not in text)
    assume(laws.compiles(text.encode("utf-8", "replace")))
    done = laws.check_program({"module.py": text.encode("utf-8", "replace")})
    assert done.plan.changes == ()
    assert done.plan.refusals == ()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("imports", "name"), [IMPORTS[0], IMPORTS[4]])
def test_every_place_comes_through_whole(place: str, imports: str, name: str) -> None:
    """Every law holds for each odd place, with the two commonest imports, whatever the generators pick."""
    names = {word: name.format(word) for word in ("dumps", "loads", "dump", "load")}
    pairs = [
        ("{dumps}({x})", "{loads}({x})"),
        ("{dumps}({x}, indent=2)", "{dumps}({x}).encode()"),
        ("{load}({x})", "{dump}({x}, fp)"),
    ]
    tried = 0
    for pair in pairs:
        text = imports + "\n" + place.format(*(call.format(x="value", **names) for call in pair))
        if laws.compiles(text.encode()):
            laws.check_program({"module.py": text.encode()})
            tried += 1
    assert tried


def _standard_library() -> dict[str, bytes]:
    """Return the Python files of the standard library, with its tests, by path."""
    root = Path(sysconfig.get_path("stdlib"))
    found = {}
    for folder, names, files in os.walk(root):
        names[:] = sorted(set(names) - {"site-packages", "__pycache__", "dist-packages"})
        for name in sorted(files):
            path = Path(folder) / name
            if name.endswith(".py") and path.is_file():
                found[path.relative_to(root).as_posix()] = path.read_bytes()
    return found


def _sample() -> dict[str, bytes]:
    """Return what a run looks at: 100 of the files that say json, or all files with HASTEN_FUZZ_EXAMPLES.

    Without `json` itself, and without tests that put another module in its place, for which every call is refused.
    """
    sources = {
        path: data
        for path, data in _standard_library().items()
        if not path.startswith("json/") and b"sys.modules['json'] = " not in data
    }
    if laws.EXAMPLES:
        return sources
    using = [path for path in sorted(sources) if b"json" in sources[path]]
    assert len(using) > 20, f"this Python came with {len(sources)} files, {len(using)} of them with json"
    return {path: sources[path] for path in using[:: -(-len(using) // 100)]}


def test_the_standard_library_comes_through_whole() -> None:
    """Every law holds for the files of the standard library, each a program of its own."""
    for path, data in _sample().items():
        laws.check_program({path.rpartition("/")[2]: data})


def test_the_standard_library_comes_through_whole_as_one_program() -> None:
    """Every law holds for the standard library as one program, without its own `json`, which would shadow json."""
    done = laws.check_program(_sample())
    assert done.after


def _installed() -> list[dict[str, bytes]]:
    """Return programs of several installed packages each: other people's code, with what it does to each other's.

    All that are installed with HASTEN_FUZZ_EXAMPLES, else those of which a dozen are soon looked at.
    """
    root = Path(sysconfig.get_path("purelib"))
    programs: list[dict[str, bytes]] = [{}]
    for package in sorted(each.parent for each in root.glob("*/__init__.py")):
        files = {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(package.rglob("*.py"))}
        if laws.EXAMPLES or len(files) < 12:
            if len(programs[-1]) > 400:
                programs.append({})
            programs[-1] |= files
    if len(programs) > 1 and len(programs[-1]) < 100:
        programs[-2] |= programs.pop()  # what is left over
    return programs if laws.EXAMPLES else [dict(sorted(programs[0].items())[:60])]


def test_installed_packages_come_through_whole() -> None:
    """Every law holds for programs of packages that are installed here."""
    for program in _installed():
        assert len(program) > 20
        laws.check_program(program)
