"""Requirements added to project metadata: what is added where, and that nothing else moves."""

from __future__ import annotations

import configparser
import re
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from hasten.dependencies import (
    Added,
    AlreadyThere,
    CannotAdd,
    Outcome,
    add,
    add_to_project,
    metadata_files,
    to_edit,
)

NEW = "orjson>=3.11.7"
PROJECT = '[project]\nname = "x"\n'
DYNAMIC = (
    '[project]\nname = "x"\ndynamic = ["dependencies"]\n'
    '[tool.setuptools.dynamic]\ndependencies = { file = ["reqs/run.txt"] }\n'
)


def _added(path: str, text: str, requirement: str = NEW, optional: str | None = None) -> str:
    outcome = add(path, text, requirement, optional=optional)
    assert isinstance(outcome, Added), outcome
    assert add(path, outcome.text, requirement, optional=optional) == AlreadyThere()
    return outcome.text


# What stands behind `dependencies = `, and what does with one more requirement.
ARRAYS = {
    "empty": ("[]", '["orjson>=3.11.7"]'),
    "empty, open": ("[\n]", '[\n    "orjson>=3.11.7",\n]'),
    "only a comment": ("[\n  # none\n]", '[\n  # none\n  "orjson>=3.11.7",\n]'),
    "inline": ('["attrs", "zope"]  # c', '["attrs", "orjson>=3.11.7", "zope"]  # c'),
    "inline, at the end": ('["attrs"]', '["attrs", "orjson>=3.11.7"]'),
    "inline, trailing comma": ('["attrs",]', '["attrs", "orjson>=3.11.7",]'),
    "unsorted": ('["zope", "attrs"]', '["zope", "attrs", "orjson>=3.11.7"]'),
    "single quotes": ("['attrs']", "['attrs', 'orjson>=3.11.7']"),
    "one per line": (
        '[\n  "attrs>=20",  # a\n  # about z\n  "Zope",\n]',
        '[\n  "attrs>=20",  # a\n  "orjson>=3.11.7",\n  # about z\n  "Zope",\n]',
    ),
    "no trailing comma": (
        '[\n\t"attrs",\n\t"numpy[x]; python_version<\'4\'"  # n, m\n]',
        '[\n\t"attrs",\n\t"numpy[x]; python_version<\'4\'",  # n, m\n\t"orjson>=3.11.7"\n]',
    ),
    "trailing comma and comment": (
        '[\n    "attrs",  # a, b\n    # end\n]',
        '[\n    "attrs",  # a, b\n    "orjson>=3.11.7",\n    # end\n]',
    ),
    "bracket on the last line": ('[\n    "attrs"]', '[\n    "attrs",\n    "orjson>=3.11.7"]'),
    "aligned": ('["attrs",\n "zope"]', '["attrs",\n "orjson>=3.11.7",\n "zope"]'),
    "two per line": ('[\n  "a", "b",\n  "y", "z",\n]', '[\n  "a", "b",\n  "orjson>=3.11.7",\n  "y", "z",\n]'),
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("end", ["", "\n", "\n\n[tool.x]\ny = []\n"], ids=["cut", "end", "more"])
@pytest.mark.parametrize(("array", "expected"), ARRAYS.values(), ids=ARRAYS.keys())
def test_an_array_keeps_its_style(array: str, expected: str, end: str, newline: str) -> None:
    """The new entry is written as its neighbours are, and the text around the array stays."""
    head = '[project]\nclassifiers = ["attrs"]\ndependencies = '
    old, new = ((head + text + end).replace("\n", newline) for text in (array, expected))
    assert _added("pyproject.toml", old) == new


# A file, what it becomes, and the extra if there is one.
FILES = {
    "no list": ("pyproject.toml", PROJECT, f'{PROJECT}dependencies = ["{NEW}"]\n', None),
    "no list, tables below": (
        "pyproject.toml",
        f'{PROJECT}# end\n\n[project.scripts]\nx = "x:main"\n',
        f'{PROJECT}dependencies = ["{NEW}"]\n# end\n\n[project.scripts]\nx = "x:main"\n',
        None,
    ),
    "no final newline": ("pyproject.toml", '[project]\nname = "x"', f'{PROJECT}dependencies = ["{NEW}"]', None),
    "new extra": (
        "pyproject.toml",
        f"{PROJECT}\n[tool.x]\ny = 1\n",
        f'{PROJECT}\n[project.optional-dependencies]\nfast = ["{NEW}"]\n\n[tool.x]\ny = 1\n',
        "fast",
    ),
    "one more extra": (
        "pyproject.toml",
        f'{PROJECT}[project.optional-dependencies]\ndev = ["orjson"]\n',
        f'{PROJECT}[project.optional-dependencies]\ndev = ["orjson"]\nfast = ["{NEW}"]\n',
        "fast",
    ),
    "extra that is there": (
        "pyproject.toml",
        f'{PROJECT}optional-dependencies.fast = ["a"]\n',
        f'{PROJECT}optional-dependencies.fast = ["a", "{NEW}"]\n',
        "fast",
    ),
    "poetry": (
        "pyproject.toml",
        '[tool.poetry.dependencies]\npython = "^3.11"\nattrs = ">=20"\nzope = "*"\n\n[tool.poetry.scripts]\nx = "y"\n',
        (
            '[tool.poetry.dependencies]\npython = "^3.11"\nattrs = ">=20"\norjson = ">=3.11.7"\nzope = "*"\n\n'
            '[tool.poetry.scripts]\nx = "y"\n'
        ),
        None,
    ),
    "poetry with carets": (
        "pyproject.toml",
        '[tool.poetry.dependencies]\npython = "^3.11"\nzope = "^5"  # z\nattrs = "^20"',
        '[tool.poetry.dependencies]\npython = "^3.11"\nzope = "^5"  # z\nattrs = "^20"\norjson = "^3.11.7"',
        None,
    ),
    "poetry extra": (
        "pyproject.toml",
        '[tool.poetry.dependencies]\npython = "^3.11"\n\n[tool.poetry.extras]\nfast = ["uvloop"]\n',
        (
            '[tool.poetry.dependencies]\npython = "^3.11"\norjson = { version = ">=3.11.7", optional = true }\n\n'
            '[tool.poetry.extras]\nfast = ["orjson", "uvloop"]\n'
        ),
        "fast",
    ),
    "poetry, new extra": (
        "pyproject.toml",
        '[tool.poetry.dependencies]\npython = "^3.11"\n',
        (
            '[tool.poetry.dependencies]\npython = "^3.11"\norjson = { version = ">=3.11.7", optional = true }\n\n'
            '[tool.poetry.extras]\nfast = ["orjson"]\n'
        ),
        "fast",
    ),
    "poetry 2": (
        "pyproject.toml",
        f'{PROJECT}dependencies = ["a"]\n[tool.poetry.dependencies]\na = {{ develop = true }}\n',
        f'{PROJECT}dependencies = ["a", "{NEW}"]\n[tool.poetry.dependencies]\na = {{ develop = true }}\n',
        None,
    ),
    "poetry behind [project]": (
        "pyproject.toml",
        f'{PROJECT}[tool.poetry.dependencies]\nattrs = "1"\n',
        f'{PROJECT}[tool.poetry.dependencies]\nattrs = "1"\norjson = ">=3.11.7"\n',
        None,
    ),
    "setup.cfg, a list": (
        "setup.cfg",
        "[options]\ninstall_requires =\n\tattrs\n\t# z\n\tzope\n# c\npackages = find:\n",
        f"[options]\ninstall_requires =\n\tattrs\n\t{NEW}\n\t# z\n\tzope\n# c\npackages = find:\n",
        None,
    ),
    "setup.cfg, end of a list": (
        "setup.cfg",
        "[options]\ninstall_requires=\n  attrs\n\n[x]\n",
        f"[options]\ninstall_requires=\n  attrs\n  {NEW}\n\n[x]\n",
        None,
    ),
    "setup.cfg, end of the file": (
        "setup.cfg",
        "[options]\ninstall_requires =\n  b\n  a",
        f"[options]\ninstall_requires =\n  b\n  a\n  {NEW}",
        None,
    ),
    "setup.cfg, one line": (
        "setup.cfg",
        "[options]\ninstall_requires = attrs\nx = 1\n",
        f"[options]\ninstall_requires = attrs; {NEW}\nx = 1\n",
        None,
    ),
    "setup.cfg, one line and more": (
        "setup.cfg",
        "[options]\ninstall_requires = z\n  a\n",
        f"[options]\ninstall_requires = z\n  a\n  {NEW}\n",
        None,
    ),
    "setup.cfg, empty": (
        "setup.cfg",
        "[options]\ninstall_requires = \nx = 1\n",
        f"[options]\ninstall_requires =\n    {NEW}\nx = 1\n",
        None,
    ),
    "setup.cfg, new extra": (
        "setup.cfg",
        "[options]\nx = 1\n[options.extras_require]\na = b\n\n[y]\n",
        f"[options]\nx = 1\n[options.extras_require]\na = b\nfast =\n    {NEW}\n\n[y]\n",
        "fast",
    ),
    "setup.cfg, first extra": (
        "setup.cfg",
        "[options]\nx = 1\n",
        f"[options]\nx = 1\n\n[options.extras_require]\nfast =\n    {NEW}\n",
        "fast",
    ),
    "requirements": (
        "requirements.txt",
        "# all\nattrs==1  # a\n# z\nZope==2\n",
        f"# all\nattrs==1  # a\n{NEW}\n# z\nZope==2\n",
        None,
    ),
    "requirements, heading": ("requirements.txt", "# a\n# b\nzope\n", f"# a\n# b\n{NEW}\nzope\n", None),
    "requirements, unsorted": (
        "requirements.txt",
        "-r a.txt\nzope\nattrs\n# end\n",
        f"-r a.txt\nzope\nattrs\n{NEW}\n# end\n",
        None,
    ),
    "requirements, cut": ("requirements.txt", "attrs", f"attrs\n{NEW}", None),
    "requirements, empty": ("requirements.txt", "", f"{NEW}\n", None),
    "requirements, only comments": ("requirements.txt", "# none", f"# none\n{NEW}\n", None),
    "requirements, the last line goes on": ("requirements.txt", "a\nflask \\\n", f"a\n{NEW}\nflask \\\n", None),
    "requirements, the only line goes on": ("requirements.txt", "flask \\", f"{NEW}\nflask \\", None),
    "requirements, a comment ends it": ("requirements.txt", "a \\\n# \\\n", f"{NEW}\na \\\n# \\\n", None),
    "requirements, continued": ("requirements.txt", "attrs \\\n  ==1\nzope\n", f"attrs \\\n  ==1\n{NEW}\nzope\n", None),
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize(("path", "old", "new", "optional"), FILES.values(), ids=FILES.keys())
def test_a_file_gets_one_more(path: str, old: str, new: str, optional: str | None, newline: str) -> None:
    """Each format takes the requirement where its own tools look for it, and a second time nothing is added."""
    newline = newline if "\n" in old else "\n"  # A file without line ends has no style to keep.
    assert _added(path, old.replace("\n", newline), optional=optional) == new.replace("\n", newline)


REFUSED = {
    "broken": ("pyproject.toml", "[project\n", "not valid TOML"),
    "inline project": ("pyproject.toml", 'project = { name = "x" }\n', 'add "orjson>=3.11.7" to project.dependencies'),
    "no project": ("pyproject.toml", "[tool.black]\n", "no [project] table"),
    "dynamic": ("pyproject.toml", DYNAMIC, "read from reqs/run.txt"),
    "dynamic by a hook": ("pyproject.toml", '[project]\ndynamic = ["dependencies"]\n', "build backend"),
    "compiled": (
        "requirements.txt",
        "#\n# This file is autogenerated by pip-compile with\nattrs==1\n",
        "compile it again",
    ),
    "hashes": ("requirements.txt", "attrs==1 --hash=sha256:00\n", "pins hashes"),
    "only references": ("requirements.txt", "-r base.txt\n-e .[dev]\n.\n", "only refers"),
    "cfg reads a file": ("setup.cfg", "[options]\ninstall_requires = file: a.txt\n", "read from a.txt"),
    "cfg without a list": ("setup.cfg", "[flake8]\nx = 1\n", "no install_requires"),
    "setup.py": (
        "setup.py",
        "setup(\n  install_requires=['attrs'],\n)\n",
        "add the line 'orjson>=3.11.7', to install_requires in line 2",
    ),
    "setup.py without a list": ("setup.py", "setup()\n", "no install_requires"),
    "broken setup.py": ("setup.py", "setup(\n", "cannot be parsed"),
}


@pytest.mark.parametrize(("path", "text", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_cannot_take_it_says_why(path: str, text: str, reason: str) -> None:
    """What is not edited is left alone with a sentence that says what to do."""
    outcome = add(path, text, NEW)
    assert isinstance(outcome, CannotAdd)
    assert reason in outcome.reason
    assert outcome.reason.endswith(".")


THERE = {
    "spelling": ("pyproject.toml", f'{PROJECT}dependencies = ["ruamel_YAML ~= 1.0"]\n'),
    "extra": ("pyproject.toml", f'{PROJECT}dependencies = ["Ruamel-Yaml[jinja2]>=0.1"]\n'),
    "marker": ("pyproject.toml", f"{PROJECT}dependencies = [\"ruamel.yaml; sys_platform == 'win32'\"]\n"),
    "address": ("requirements.txt", "ruamel.yaml @ https://example.org/r.zip\n"),
    "egg": ("requirements.txt", "-e git+https://example.org/r.git#egg=ruamel.yaml\n"),
    "wheel": ("requirements.txt", "./wheels/ruamel.yaml-0.18-py3-none-any.whl\n"),
    "hashed": ("requirements.txt", "ruamel.yaml==1 \\\n    --hash=sha256:00\n"),
    "poetry": ("pyproject.toml", '[tool.poetry.dependencies]\n"ruamel.yaml" = { version = "1", optional = true }\n'),
    "cfg": ("setup.cfg", "[options]\ninstall_requires = attrs; Ruamel.YAML>1\n"),
    "setup.py": ("setup.py", "setup(install_requires=BASE + ['ruamel_yaml'])\n"),
}


@pytest.mark.parametrize(("path", "text"), THERE.values(), ids=THERE.keys())
def test_what_is_listed_in_any_spelling_is_there(path: str, text: str) -> None:
    """Another spelling, version, extra or environment of the same distribution counts as the requirement."""
    assert add(path, text, "ruamel.yaml>=0.17") == AlreadyThere()


# What a file lists, and whether a version that is at least 3.11.7 can be installed with it.
VERSIONS = {
    "==2.0.1": False, "<3": False, "<3.11.7": False, "~=3.10.0": False, "==3.10.*": False, ">=2,<3": False,
    "===nightly": False, "==2.0.1 --hash=sha256:00": False, "<3; python_version < '4'": False, " == 2  # why": False,
    "": True, ">=2": True, "==3.11.7": True, "~=3.10": True, "==3.*": True, "<4": True, ">2,!=3.11.7": True,
    "!=3.11.*": True, "<=3.11.7": True, "==4.0rc1": True, ">3.11.7,<3.11.8": True, " @ https://example.org/o.zip": True,
}  # fmt: skip


@pytest.mark.parametrize(("listed", "fits"), VERSIONS.items())
def test_a_version_that_keeps_the_new_one_out_is_told(listed: str, fits: bool) -> None:
    """A pin or bound that the requirement cannot be met with is named; one that lets it in is enough."""
    outcome = add("requirements.txt", f"attrs\norjson{listed}\n", NEW)
    if fits:
        assert outcome == AlreadyThere()
    else:
        line = "orjson" + " ".join(listed.partition("#")[0].rstrip().split(" "))
        reason = f"The file lists `{line}`, which keeps orjson>=3.11.7 out: change that line by hand."
        assert outcome == CannotAdd(reason, listed=True)


KEPT_OUT = {
    "project": ("pyproject.toml", f'{PROJECT}dependencies = ["orjson<3"]\n', "orjson<3"),
    "poetry, exact": ("pyproject.toml", '[tool.poetry.dependencies]\norjson = "2.0.1"\n', "orjson = 2.0.1"),
    "poetry, caret": ("pyproject.toml", '[tool.poetry.dependencies]\norjson = "^2.0"\n', "orjson = ^2.0"),
    "poetry, tilde": ("pyproject.toml", '[tool.poetry.dependencies]\norjson.version = "~3.10"\n', "orjson = ~3.10"),
    "poetry, or": ("pyproject.toml", '[tool.poetry.dependencies]\norjson = "^1 || >2,<3"\n', "orjson = ^1 || >2,<3"),
    "cfg": ("setup.cfg", "[options]\ninstall_requires =\n  orjson==2.0.1\n", "orjson==2.0.1"),
    "setup.py": ("setup.py", "setup(install_requires=['orjson==2.0.1'])\n", "orjson==2.0.1"),
}


@pytest.mark.parametrize(("path", "text", "line"), KEPT_OUT.values(), ids=KEPT_OUT.keys())
def test_every_format_tells_a_version_that_is_too_old(path: str, text: str, line: str) -> None:
    """The line is named as it is written."""
    outcome = add(path, text, NEW)
    assert isinstance(outcome, CannotAdd)
    assert f"`{line}`" in outcome.reason


@pytest.mark.parametrize("version", ["*", "^3", "^3.1", "~3", "3.*", ">=2 <4", "^2 || ^3", "^0.1 || 4", "a.b"])
def test_poetry_versions_that_let_it_in(version: str) -> None:
    """Poetry's own signs are understood, and what is not understood is left to Poetry."""
    assert add("pyproject.toml", f'[tool.poetry.dependencies]\norjson = "{version}"\n', NEW) == AlreadyThere()


def test_metadata_files_are_those_of_the_nearest_directory() -> None:
    """The nearest directory above counts, and files for development, tests and documentation never do."""
    paths = [
        "pyproject.toml", "requirements.txt", "requirements-dev.txt", "requirements/dev.txt", "requirements/base.txt",
        "docs/requirements-docs.txt", "srv/setup.cfg", "srv/app/test-requirements.txt", "srv2/requirements.in",
    ]  # fmt: skip
    assert metadata_files(paths, "srv/app/x.py") == ("srv/setup.cfg",)
    assert metadata_files(paths, "docs/conf.py") == ("pyproject.toml", "requirements.txt", "requirements/base.txt")
    assert metadata_files(paths, "srv2/a.py") == ("srv2/requirements.in",)
    assert metadata_files(["x/setup.py"], "a.py") == ()


def _kinds(outcomes: tuple[tuple[str, Outcome], ...]) -> dict[str, str]:
    return {path: type(outcome).__name__ for path, outcome in outcomes}


LISTED = PROJECT + 'dependencies = ["a"]\n'
COMPILED = "# This file was autogenerated by uv via the following command:\nattrs==1\n"
TREES = {
    "each that declares": (
        {"pyproject.toml": LISTED, "requirements.txt": "a\n", "setup.py": "setup()\n"},
        {"pyproject.toml": "Added", "requirements.txt": "Added"},
    ),
    "only tools above": (
        {"pyproject.toml": LISTED, "app/pyproject.toml": "[tool.black]\n", "app/setup.cfg": "[flake8]\n"},
        {"pyproject.toml": "Added"},
    ),
    "source and compiled": (
        {"requirements.in": "a\n", "requirements.txt": COMPILED},
        {"requirements.in": "Added", "requirements.txt": "CannotAdd"},
    ),
    "dynamic": ({"pyproject.toml": DYNAMIC, "reqs/run.txt": "a\n"}, {"reqs/run.txt": "Added"}),
    "dynamic, lost": ({"pyproject.toml": DYNAMIC}, {"pyproject.toml": "CannotAdd"}),
    "cfg reads a file": (
        {"setup.cfg": "[options]\ninstall_requires = file: requirements.txt\n", "requirements.txt": "a\n"},
        {"requirements.txt": "Added"},
    ),
    "included": (
        {"requirements/base.txt": "a\n", "requirements/prod.txt": "-r base.txt\ngunicorn\n"},
        {"requirements/base.txt": "Added"},
    ),
    "included, too old": (
        {"requirements/base.txt": "orjson==2\n", "requirements/prod.txt": "-r base.txt\ngunicorn\n"},
        {"requirements/base.txt": "CannotAdd"},
    ),
    "one has it": (
        {"pyproject.toml": PROJECT + 'dependencies = ["orjson"]\n', "requirements.txt": "a\n"},
        {"pyproject.toml": "AlreadyThere", "requirements.txt": "Added"},
    ),
    "setup.py": ({"setup.py": "setup(install_requires=[])\n"}, {"setup.py": "CannotAdd"}),
    "nowhere": ({"app/pyproject.toml": "[tool.black]\n"}, {"app/pyproject.toml": "CannotAdd"}),
    "nothing": ({}, {}),
}


@pytest.mark.parametrize(("texts", "expected"), TREES.values(), ids=TREES.keys())
def test_every_file_that_declares_gets_it(texts: dict[str, str], expected: dict[str, str]) -> None:
    """Of all metadata above a file, those that declare run-time dependencies are edited, or named with a reason."""
    assert _kinds(add_to_project(texts, "app/main.py", NEW)) == expected


NAMES = st.lists(st.sampled_from(["attrs", "Zope", "numpy", "orjson-ext", "Click", "x.y"]), max_size=5, unique=True)


@st.composite
def _arrays(draw: st.DrawFn) -> str:
    """Draw a TOML array of requirements in one of the layouts that people use."""
    names = draw(NAMES)
    quote, indent = draw(st.sampled_from("\"'")), draw(st.sampled_from(["", "  ", "    ", "\t"]))
    written = [f"{quote}{name}{draw(st.sampled_from(['', '>=1', ' ~= 2.0', '[x]']))}{quote}" for name in names]
    trailing = draw(st.booleans())
    comma = "," if written and trailing else ""
    if draw(st.booleans()):
        return f"[{', '.join(written)}{comma}]"
    lines = []
    for number, name in enumerate(written):
        if draw(st.booleans()):
            lines.append(f"{indent}# it's [about, {number}")
        mark = "," if number < len(written) - 1 else comma
        lines.append(indent + name + mark + draw(st.sampled_from(["", '  # "why"', " "])))
    return "\n".join(["[", *lines, "]"])


@settings(max_examples=300, deadline=None)
@given(
    array=_arrays(),
    newline=st.sampled_from(["\n", "\r\n"]),
    end=st.sampled_from(["", "\n", "\n\n[tool.y]\na = [\n]\n"]),
)
def test_any_array_says_the_old_things_and_the_new(array: str, newline: str, end: str) -> None:
    """Whatever the layout, the file lists the old requirements and the new one, and at most one old line is touched."""
    old = f"# top\n[project]\nname = 'x'\ndependencies = {array}{end}".replace("\n", newline)
    new = _added("pyproject.toml", old)
    before, after = (tomllib.loads(text)["project"]["dependencies"] for text in (old, new))
    assert sorted(after) == sorted([*before, NEW])
    assert [item for item in after if item != NEW] == before
    names = [Requirement(item).name.lower() for item in before]
    if names == sorted(names):
        names = [Requirement(item).name.lower() for item in after]
        assert names == sorted(names)
    _only_touches_one_line(old, new)


def _only_touches_one_line(old: str, new: str) -> None:
    edit = to_edit("pyproject.toml", old, new)
    assert old[: edit.span.start] + edit.text + old[edit.span.end :] == new
    assert len(re.findall(r"[^\r\n]+", old[edit.span.start : edit.span.end])) <= 1
    assert edit.span.start == 0 or old[edit.span.start - 1] == "\n"


@settings(max_examples=150, deadline=None)
@given(
    names=NAMES.filter(bool),
    layout=st.sampled_from(["\n  ", "\n\t", "\n    # c\n    ", "\n\n  "]),
    tail=st.sampled_from(["", "\n", "\npackages = find:\n", "\n# c\n\n[x]\ny = 1\n"]),
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_any_setup_cfg_says_the_old_things_and_the_new(names: list[str], layout: str, tail: str, newline: str) -> None:
    """`configparser` reads the old requirements and the new one, and every other option as it was."""
    old = f"[options]\nx = 1\ninstall_requires ={''.join(layout + name for name in names)}{tail}".replace("\n", newline)
    new = _added("setup.cfg", old)
    before, after = (_cfg(text) for text in (old, new))
    lists = [values["options"].pop("install_requires").split() for values in (before, after)]
    assert [item for item in lists[1] if item != NEW] == lists[0]
    assert NEW in lists[1]
    assert before == after
    _only_touches_one_line(old, new)


def _cfg(text: str) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return {section: dict(parser.items(section)) for section in parser.sections()}


def test_to_edit_replaces_the_fewest_lines() -> None:
    """The edit covers whole lines, and no line that both texts share at either end."""
    edit = to_edit("a.txt", "a\r\nb\r\nc", "a\r\nB\r\nx\r\nc")
    assert (edit.span.start, edit.span.end, edit.text) == (3, 6, "B\r\nx\r\n")
    assert (edit.start.line, edit.start.column, edit.end.line, edit.end.column) == (2, 1, 3, 1)
    same = to_edit("a.txt", "a\n", "a\n")
    assert (same.span.start, same.span.end, same.text) == (2, 2, "")


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("requirements.txt", "click\nFlask==3.1.3  # web\n", "click\nFlask[async]==3.1.3  # web\n"),
        ("requirements.txt", "flask[async,dotenv]\n", None),
        (
            "pyproject.toml",
            '[project]\nname = "x"\nkeywords = ["flask"]\ndependencies = ["flask"]\n',
            '[project]\nname = "x"\nkeywords = ["flask"]\ndependencies = ["flask[async]"]\n',
        ),
        ("pyproject.toml", '[project]\nname = "x"\ndependencies = ["flask[async]>=3"]\n', None),
    ],
)
def test_extras_join_what_is_listed(path: str, text: str, expected: str | None) -> None:
    """What is listed already gets what it lacks, and nothing is listed twice."""
    outcome = add(path, text, "flask[async]")
    assert outcome == (AlreadyThere() if expected is None else Added(expected))
