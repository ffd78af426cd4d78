"""How a project runs its tests, who requests a fixture, and where a test plugin is declared."""

from __future__ import annotations

from pathlib import Path

import pytest

from hasten.async_fixtures import requesters
from hasten.cache import Cache
from hasten.dependencies import Added, AlreadyThere, add, add_beside
from hasten.index.program import Program
from hasten.reading import Reader
from hasten.suites import Suite, suite_for, suites
from hasten.workers import Workers

NEW = "pytest-asyncio>=1.2"
_OPTIONS = "[tool.pytest.ini_options]\n"

AUTO = {
    "pyproject": ("pyproject.toml", f'{_OPTIONS}asyncio_mode = "auto"\n'),
    "native": ("pyproject.toml", '[tool.pytest]\nasyncio_mode = "auto"\n'),
    "ini": ("pytest.ini", "[pytest]\nasyncio_mode = auto\n"),
    "setup.cfg": ("setup.cfg", "[tool:pytest]\nasyncio_mode=auto\n"),
    "tox": ("tox.ini", "[pytest]\nasyncio_mode: auto\n"),
    "option": ("pyproject.toml", f'{_OPTIONS}addopts = ["-q", "--asyncio-mode=auto"]\n'),
    "two words": ("pytest.ini", "[pytest]\naddopts = -q\n  --asyncio-mode auto\n"),
    "below": ("service/pytest.ini", "[pytest]\nasyncio_mode = auto\n"),
}


@pytest.mark.parametrize(("path", "text"), AUTO.values(), ids=AUTO)
def test_auto_mode(path: str, text: str) -> None:
    """It is set in any of pytest's files, for what lies below."""
    assert suite_for("service/tests/test_x.py", suites({path: text})).auto


NOT_AUTO = {
    "nothing": {},
    "strict": {"pytest.ini": "[pytest]\nasyncio_mode = strict\n"},
    "the first file counts": {"pytest.ini": "", "pyproject.toml": f'{_OPTIONS}asyncio_mode = "auto"\n'},
    "the option counts": {"pytest.ini": "[pytest]\nasyncio_mode = auto\naddopts = --asyncio-mode=strict\n"},
    "another section": {"setup.cfg": "[pytest]\nasyncio_mode = auto\n"},
    "elsewhere": {"other/pytest.ini": "[pytest]\nasyncio_mode = auto\n"},
    "broken": {"pyproject.toml": '[tool.pytest.ini_options\nasyncio_mode = "auto"\n', "tox.ini": "asyncio_mode = auto"},
}


@pytest.mark.parametrize("texts", NOT_AUTO.values(), ids=NOT_AUTO)
def test_no_auto_mode(texts: dict[str, str]) -> None:
    """Nothing else sets it."""
    assert not suite_for("service/tests/test_x.py", suites(texts)).auto


OFF = {
    "switched off": ({"pytest.ini": "[pytest]\naddopts = -p no:asyncio\n"}, True),
    "warnings are errors": ({"pyproject.toml": f'{_OPTIONS}filterwarnings = ["error", "ignore::Y"]\n'}, True),
    "warnings are errors, by option": ({"pytest.ini": "[pytest]\naddopts = -W error\n"}, True),
    "the plugin is there": ({"pytest.ini": "[pytest]\nfilterwarnings = error\n", "requirements.txt": NEW}, False),
    "the scope is set": (
        {"pytest.ini": "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n"},
        False,
    ),
    "some warnings": ({"pytest.ini": "[pytest]\nfilterwarnings = error::DeprecationWarning\n"}, False),
}


@pytest.mark.parametrize(("texts", "off"), OFF.values(), ids=OFF)
def test_where_no_test_may_follow(texts: dict[str, str], off: bool) -> None:
    """pytest-asyncio would not run there, or would end the run."""
    assert bool(suite_for("test_x.py", suites(texts)).off) is off


def test_the_nearest_directory_counts() -> None:
    """What is said further down is not what counts above."""
    found = suites({"a/pytest.ini": "[pytest]\nasyncio_mode = auto\n"})
    assert suite_for("b/test_x.py", found) == Suite()


BESIDE = {
    "extra": (
        "pyproject.toml",
        '[project]\nname = "x"\ndependencies = ["attrs"]\n[project.optional-dependencies]\ntest = ["pytest>=8"]\n',
        'test = ["pytest>=8", "pytest-asyncio>=1.2"]',
    ),
    "group": ("pyproject.toml", '[dependency-groups]\ndev = [\n  "pytest",\n]\n', '  "pytest-asyncio>=1.2",\n]'),
    "poetry": (
        "pyproject.toml",
        '[tool.poetry.group.test.dependencies]\npytest = "^8.0"\n',
        'pytest-asyncio = ">=1.2"\n',
    ),
    "run time": ("pyproject.toml", '[project]\nname = "x"\ndependencies = ["pytest"]\n', '["pytest", "pytest-asyncio'),
    "setup.cfg": (
        "setup.cfg",
        "[options.extras_require]\ntest =\n    pytest\n",
        "    pytest\n    pytest-asyncio>=1.2\n",
    ),
    "requirements": ("requirements-dev.txt", "mypy\npytest\n", "pytest\npytest-asyncio>=1.2\n"),
}


@pytest.mark.parametrize(("path", "text", "part"), BESIDE.values(), ids=BESIDE)
def test_a_plugin_is_declared_beside_pytest(path: str, text: str, part: str) -> None:
    """It joins the group that lists pytest, once."""
    [(file, outcome)] = add_beside({path: text}, "tests/test_x.py", NEW, "pytest")
    assert file == path
    assert isinstance(outcome, Added)
    assert part in outcome.text
    assert add(path, outcome.text, NEW, beside="pytest") == AlreadyThere()


def test_only_where_pytest_is_declared() -> None:
    """Run-time dependencies take none, and where pytest is declared nowhere there is nothing to edit."""
    texts = {"pyproject.toml": '[project]\nname = "x"\ndependencies = ["attrs"]\n', "requirements.txt": "attrs\n"}
    assert add_beside(texts, "tests/test_x.py", NEW, "pytest") == ()
    assert [path for path, _ in add_beside({**texts, "dev-requirements.txt": "pytest\n"}, "t.py", NEW, "pytest")] == [
        "dev-requirements.txt"
    ]


FIXTURE = "import pytest\n\n\n@pytest.fixture\ndef db():\n    return 1\n\n\n"


def _requesters(root: Path, files: dict[str, str], at: str) -> tuple[list[str], bool]:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    reader = Reader(root, {}, (b"",), (), 1, Cache(None))
    reader.look(sorted(files), lambda _n: None)
    with Workers(1) as pool:
        modules, failed = reader.index(sorted(files), pool, lambda _n: None)
    assert not failed
    program = Program(modules, frozenset(files), frozenset(files))
    found = requesters(program, next(program.module(at).definitions("db")))
    return [f"{each.module.path}:{each.name}" for each, _ in found.found], found.complete


def test_who_requests_a_fixture(tmp_path: Path) -> None:
    """Tests and fixtures below, but not where a fixture of the same name is nearer."""
    files = {
        "tests/conftest.py": FIXTURE + "@pytest.fixture\ndef user(db):\n    return db\n",
        "tests/test_a.py": "def test_a(db):\n    pass\n\n\ndef helper(db):\n    pass\n",
        "tests/inner/conftest.py": FIXTURE.replace("db()", "db(db)"),
        "tests/inner/test_b.py": "def test_b(db):\n    pass\n",
        "other/test_c.py": "def test_c(db):\n    pass\n",
    }
    expected = ["tests/conftest.py:user", "tests/inner/conftest.py:db", "tests/test_a.py:test_a"]
    assert _requesters(tmp_path, files, "tests/conftest.py") == (expected, True)


UNTOLD = {
    "by its name": "def test_a(request):\n    request.getfixturevalue('db')\n",
    "imported": "from tests.conftest import db\n",
}


@pytest.mark.parametrize("text", UNTOLD.values(), ids=UNTOLD)
def test_some_requesters_cannot_be_told(tmp_path: Path, text: str) -> None:
    """A fixture may be had in other ways than by a parameter."""
    assert not _requesters(tmp_path, {"tests/conftest.py": FIXTURE, "tests/test_a.py": text}, "tests/conftest.py")[1]
