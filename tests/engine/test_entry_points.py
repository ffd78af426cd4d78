"""What a project's metadata calls from outside, and what becomes of the functions that it names."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from hasten import pipeline, registry
from hasten.config import Config
from hasten.entry_points import entry_points, lone_modules
from hasten.model import Changed, NodeEdit

CODEMOD = next(each for each in registry.load() if each.name == "sleep-to-asyncio")


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("pyproject.toml", '[project.scripts]\na = "app.cli:main"\n', {"app.cli:main"}),
        ("pyproject.toml", '[project.gui-scripts]\na = "app:Main.run [extra]"\n', {"app:Main.run"}),
        ("pyproject.toml", '[project.entry-points."x.y"]\na = "app:f"\nb = "app"\n', {"app:f"}),
        ("pyproject.toml", '[tool.poetry.scripts]\na = {reference = "app:f", type = "console"}\n', {"app:f"}),
        ("pyproject.toml", '[tool.poetry.plugins."x"]\na = "app:f"\n', {"app:f"}),
        ("pyproject.toml", '[tool.flit.scripts]\na = "app : f"\n', {"app:f"}),
        ("pyproject.toml", '[tool.other]\na = "app:f"\n', set()),
        ("pyproject.toml", "[project.scripts\n", set()),
        ("pyproject.toml", "project = 1\n", set()),
        ("setup.cfg", "[options.entry_points]\nconsole_scripts =\n    a = app.cli:main\n    b=app:g [x]\n",
         {"app.cli:main", "app:g"}),
        ("setup.cfg", "[metadata]\nurl = https://x.org\npackage_dir =\n    = src\n", set()),
        ("lib/setup.py", "setup(entry_points={'console_scripts': ['a = app.cli:main', 'b=app:g']})\n",
         {"app.cli:main", "app:g"}),
        ("setup.py", 'E = """\n[console_scripts]\na = app.cli:main\n"""\nsetup(entry_points=E)\n', {"app.cli:main"}),
        ("requirements.txt", "a = app:f\n", set()),
    ],
)  # fmt: skip
def test_entry_points_are_read_where_projects_declare_them(path: str, text: str, found: set[str]) -> None:
    """Each kind of metadata gives `module:name`; what is something else, or cannot be parsed, gives nothing."""
    assert entry_points({path: text}) == found


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("pyproject.toml", '[tool.setuptools]\npy-modules = ["tool", "other"]\n', {"tool", "other"}),
        ("pyproject.toml", '[tool.flit.module]\nname = "tool"\n', {"tool"}),
        ("pyproject.toml", '[tool.setuptools]\npackages = ["tool"]\n', set()),
        ("pyproject.toml", '[project]\nname = "my-tool"\n[build-system]\nrequires = ["hatchling"]\n', {"my_tool"}),
        ("pyproject.toml", '[project]\nname = "my-tool"\n', set()),
        ("pyproject.toml", '[build-system]\nrequires = ["poetry-core"]\n[tool.poetry]\nname = "tool"\n', {"tool"}),
        ("pyproject.toml", '[tool.poetry]\nname = "tool"\npackages = [{ include = "other.py" }]\n', {"other"}),
        ("pyproject.toml", '[tool.hatch.build.targets.wheel]\ninclude = ["/src/tool.py", "docs/x.py"]\n', {"tool"}),
        ("pyproject.toml", '[tool.ruff]\nexclude = ["tool.py"]\n', set()),
        ("pyproject.toml", "[tool.setuptools\n", set()),
        ("setup.cfg", "[options]\npy_modules =\n    tool\n    other\npackages = find:\n", {"tool", "other"}),
        ("setup.py", 'setup(py_modules=["tool"], packages=["other"])\n', {"tool"}),
        ("requirements.txt", "py_modules = tool\n", set()),
    ],
)
def test_modules_that_are_installed_one_by_one_are_known(path: str, text: str, found: set[str]) -> None:
    """What lies beside them is not installed with them."""
    assert lone_modules({path: text}) == found


APP = """
    import time

    def main():
        time.sleep(0)

    async def serve():
        main()
    """
LOW = """
    import time

    def rest():
        time.sleep(0)

    def main():
        rest()
    """


def _run(root: Path, files: dict[str, str]) -> pipeline.Report:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(dedent(text), encoding="utf-8")
    paths = tuple(sorted(path for path in files if path.endswith(".py")))
    return pipeline.run(pipeline.Request(root, Config(), paths, jobs=1, unsafe=True), [CODEMOD])


SCRIPTS = '[project.scripts]\nx = "{0}"\n'


@pytest.mark.parametrize(
    ("entry", "files"),
    [
        ("app.cli:main", {"app/__init__.py": "", "app/cli.py": APP}),
        ("app.cli:main", {"src/app/cli.py": APP}),
        # Neither file holds a word that the codemod looks for.
        ("app:entry", {"app/__init__.py": "from app.hub import start as entry",
                       "app/hub.py": "from .cli import main as start", "app/cli.py": APP}),
        ("shop.cli:main", {"cli.py": APP, "__init__.py": ""}),
    ],
)  # fmt: skip
def test_an_entry_point_stays(tmp_path: Path, entry: str, files: dict[str, str]) -> None:
    """What the metadata names stays a plain function, by whatever name, and however it is handed on."""
    with_metadata = _run(tmp_path / "with", {**files, "pyproject.toml": SCRIPTS.format(entry)})
    assert [each.code for each in with_metadata.plan.refusals] == ["ASY128"]
    assert not with_metadata.plan.changes

    without = _run(tmp_path / "without", {**files, "pyproject.toml": "[project]\n"})
    assert {each.symbol for each in without.plan.changes} == {"main"}


def test_an_entry_point_runs_what_becomes_a_coroutine_function(tmp_path: Path) -> None:
    """A command stays as it is and runs a loop around what it calls."""
    files = {
        "cli.py": LOW,
        "other.py": "from cli import rest\n\n\nasync def serve():\n    rest()\n",
        "setup.cfg": "[options.entry_points]\nconsole_scripts =\n    x = cli:main\n",
    }
    report = _run(tmp_path, files)
    after = {each.path: each.after.decode() for each in report.outcomes if isinstance(each, Changed)}
    assert "def main():\n    asyncio.run(rest())\n" in after["cli.py"]
    assert "async def main" not in after["cli.py"]
    assert "await rest()" in after["other.py"]
    actions = {edit.action for each in report.plan.changes for edit in each.edits if isinstance(edit, NodeEdit)}
    assert actions == {"replace-call", "async-def", "await-call", "asyncio-run"}
