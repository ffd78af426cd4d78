"""Codemods are found where they are installed: real packages with real metadata, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import hasten

_SOURCES = Path(hasten.__file__).parents[1]

_MODULE = '''"""{title}

More about it.
"""

from hasten.api import Codemod


class {name}(Codemod):
    def analyse(self, program, settings):
        yield from ()

    def transformer(self):
        raise AssertionError
'''


def _package(site: Path, distribution: str, package: str, modules: dict[str, str]) -> None:
    """Install a package the way an installer leaves it: modules, and a dist-info directory with the entry point."""
    for name, text in {"__init__.py": "", **modules}.items():
        path = site / package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    info = site / f"{distribution}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[hasten.codemods]\n{distribution} = {package}\n", encoding="utf-8")


def _python(site: Path, code: str) -> subprocess.CompletedProcess[str]:
    # The directory stands before everything else, so that what is in it is found also where hasten is installed.
    path = os.pathsep.join([str(site), str(_SOURCES), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )


_LOAD = """
from hasten import registry
from hasten.errors import RegistryError
try:
    found = registry.load()
except RegistryError as error:
    print("error:", error)
else:
    for codemod, origin in zip(found.codemods, found.origins):
        if origin != "hasten":
            print(codemod.name, origin, codemod.title, sep=" | ")
    print(*found.problems, sep="\\n")
"""


def _load(site: Path) -> list[str]:
    done = _python(site, _LOAD)
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1]


def test_third_party_modules_and_packages_are_found(tmp_path: Path) -> None:
    """A module and a package are a codemod each, named after the file; private ones are helpers."""
    _package(
        tmp_path,
        "acme-codemods",
        "acme",
        {
            "second_one.py": _MODULE.format(title="Do the second.", name="Second"),
            "first.py": "from acme._shared import Shared\n"
            + _MODULE.format(title="Do the first.", name="First").replace("(Codemod)", "(Shared)"),
            "large/__init__.py": '"""Do a lot."""\nfrom acme.large._parts import Large\n',
            "large/_parts.py": _MODULE.format(title="Parts.", name="Large"),
            "_shared.py": _MODULE.format(title="Shared.", name="Shared"),
        },
    )
    # The docstring of `first` follows an import and is none, so that module is broken; the others are not.
    assert _load(tmp_path) == [
        "large | acme-codemods | Do a lot.",
        "second-one | acme-codemods | Do the second.",
        "acme.first of acme-codemods is not used: a codemod module needs a docstring: its first line is the title",
    ]


_NOT_ONE = "acme.bad of acme-codemods is not used: a codemod module defines exactly one class that derives from Codemod"


@pytest.mark.parametrize(
    ("modules", "problem"),
    [
        (
            {"bad.py": "import nowhere_at_all\n"},
            "acme.bad of acme-codemods is not used: ModuleNotFoundError: No module named 'nowhere_at_all'",
        ),
        ({"bad.py": "1 / 0\n"}, "acme.bad of acme-codemods is not used: ZeroDivisionError: division by zero"),
        (
            {"bad.py": "def broken(:\n"},
            "acme.bad of acme-codemods is not used: SyntaxError: invalid syntax (bad.py, line 1)",
        ),
        (
            {"bad.py": '"""Nothing."""\n'},
            f"{_NOT_ONE}; found none",
        ),
        (
            {"bad.py": _MODULE.format(title="Two.", name="A") + "\nclass B(A):\n    pass\n"},
            f"{_NOT_ONE}; found A, B",
        ),
        ({"__init__.py": "raise ValueError('at\\nonce')\n"}, "acme of acme-codemods is not used: ValueError: at once"),
    ],
)
def test_a_broken_third_party_package_is_reported(tmp_path: Path, modules: dict[str, str], problem: str) -> None:
    """What a plugin does wrong is told in one sentence and stops nothing: its good modules still work."""
    good = {} if "__init__.py" in modules else {"good.py": _MODULE.format(title="Good.", name="Good")}
    _package(tmp_path, "acme-codemods", "acme", {**good, **modules})
    assert _load(tmp_path) == [*(["good | acme-codemods | Good."] if good else []), problem]


def test_an_entry_point_that_names_no_package_is_reported(tmp_path: Path) -> None:
    """A module in place of a package is a problem of the plugin."""
    _package(tmp_path, "acme-codemods", "acme", {})
    (tmp_path / "acme" / "__init__.py").unlink()
    (tmp_path / "acme").rmdir()
    (tmp_path / "acme.py").write_text("", encoding="utf-8")
    assert _load(tmp_path) == ["acme of acme-codemods is not used: the entry point must name a package"]


def test_two_codemods_of_one_name_are_an_error(tmp_path: Path) -> None:
    """A name that two distributions claim stops the run, and both are named."""
    for distribution, package in (("acme-codemods", "acme"), ("other-codemods", "other")):
        _package(tmp_path, distribution, package, {"same.py": _MODULE.format(title="Same.", name="Same")})
    assert _load(tmp_path) == [
        "error: the codemod 'same' is in both acme-codemods and other-codemods; uninstall one of them"
    ]


def test_a_broken_module_of_hasten_itself_is_fatal(tmp_path: Path) -> None:
    """A codemod of hasten's own that cannot be imported stops the run: the installation is broken."""
    _package(tmp_path, "hasten", "hasten_codemods", {"bad.py": "import nowhere_at_all\n"})
    assert _load(tmp_path) == [
        "error: hasten_codemods.bad of hasten is not used: ModuleNotFoundError: No module named 'nowhere_at_all'"
    ]


def test_codemods_beside_the_sources_are_found_without_metadata(tmp_path: Path) -> None:
    """Where nothing is installed, the package `hasten_codemods` is walked if it can be imported."""
    (tmp_path / "hasten_codemods").mkdir()
    (tmp_path / "hasten_codemods" / "__init__.py").touch()
    (tmp_path / "hasten_codemods" / "only_this.py").write_text(
        _MODULE.format(title="Only.", name="Only"), encoding="utf-8"
    )
    code = "from hasten import registry; print([(c.name, c.title) for c in registry.load()], registry.load().origins)"
    assert _python(tmp_path, code).stdout == "[('only-this', 'Only.')] ('hasten',)\n"


def test_every_codemod_has_a_name_and_is_listed_in_order(tmp_path: Path) -> None:
    """The installed codemods come sorted by name."""
    _package(
        tmp_path,
        "acme-codemods",
        "acme",
        {f"{name}.py": _MODULE.format(title="T.", name="T") for name in ("zz", "aa", "m_m")},
    )
    names = [line.split(" | ")[0] for line in _load(tmp_path) if line]
    assert names == ["aa", "m-m", "zz"]
