"""The wheel that people install: what is in it, and that it works without the checkout."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

import hasten
import hasten_codemods

ROOT = Path(__file__).parent.parent


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command without the environment that this checkout may need, and return its output."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(kind: str, source: Path, target: Path) -> Path:
    """Build a distribution of `source`, a `wheel` or an `sdist`, and return its path."""
    run(sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", target, cwd=source)
    (built,) = target.iterdir()
    return built


def names(wheel: Path) -> list[str]:
    """Return the sorted names of the files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return sorted(archive.namelist())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


def test_top_level_names(wheel: Path) -> None:
    """The wheel puts two packages and its metadata into site-packages, and nothing else."""
    top = {name.partition("/")[0] for name in names(wheel)}
    assert top == {"hasten", "hasten_codemods", f"hasten-{hasten.__version__}.dist-info"}


def test_every_module_is_in_the_wheel(wheel: Path) -> None:
    """The wheel holds every module of both source roots, and the markers of typed packages."""
    expected = {
        file.relative_to(ROOT / root).as_posix()
        for root in ("src", "codemods")
        for pattern in ("*.py", "py.typed")
        for file in (ROOT / root).rglob(pattern)
    }
    assert {"hasten/py.typed", "hasten_codemods/py.typed", "hasten/cli/main.py"} <= expected
    assert expected == {name for name in names(wheel) if ".dist-info/" not in name}


def test_wheel_contents_are_clean(wheel: Path) -> None:
    """check-wheel-contents finds no stray, duplicate or misplaced file."""
    assert "OK" in run(sys.executable, "-m", "check_wheel_contents", wheel, cwd=ROOT)


def test_wheel_from_sdist_is_the_same(wheel: Path, tmp_path: Path) -> None:
    """The source distribution is complete: the wheel built from it has the same files."""
    run("tar", "-xzf", build("sdist", ROOT, tmp_path / "sdist"), "-C", tmp_path, cwd=tmp_path)
    (source,) = tmp_path.glob("hasten-*")
    assert {"fixtures", "tests", "docs", "Makefile", "LICENSE"} <= {entry.name for entry in source.iterdir()}
    assert names(build("wheel", source, tmp_path / "wheel")) == names(wheel)


def test_installed_wheel_works(wheel: Path, tmp_path: Path) -> None:
    """From the wheel alone, the command starts, knows its version, and finds its codemods."""
    venv = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=tmp_path)
    python = venv / "bin" / "python"
    install = ("pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
    run(sys.executable, "-m", *install, cwd=tmp_path)
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip())
    # The dependencies come from this environment. Its own .pth files are not read from there, so the editable
    # install of the checkout stays out of sight.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")

    assert Path(run(python, "-c", "import hasten; print(hasten.__file__)", cwd=tmp_path).strip()).is_relative_to(venv)
    assert hasten.__version__ in run(venv / "bin" / "hasten", "--version", cwd=tmp_path)
    listed = run(venv / "bin" / "hasten", "list", cwd=tmp_path)
    own = [module.name for module in pkgutil.iter_modules(hasten_codemods.__path__) if not module.name.startswith("_")]
    assert own
    assert [name for name in own if name.replace("_", "-") not in listed] == []


def test_version_is_written_once() -> None:
    """The metadata takes the version from the package, so the two cannot differ."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" in project["dynamic"]
    assert "version" not in project
