"""Get a package of the corpus ready: its sources, and a virtual environment that can run its tests.

    TARGET/tree   the sources, where the environment's editable install looks for them; hasten rewrites these
    TARGET/orig   the same, never touched again
    TARGET/venv   the pinned dependencies, the package in editable mode, and the extras

A target that has all three, of the version asked for, is taken as it is; extras that it lacks are added.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass, field, fields
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

PYTHON = "3.11"
"""The Python that the pins of the corpus were resolved for."""

EXTRAS = ("orjson", "aiosqlite", "tenacity", "pytest-asyncio", "asgiref")
"""What rewritten packages, and their tests, import in addition."""


class CorpusError(Exception):
    """A package cannot be prepared; one sentence for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Package:
    """One package of `packages.json`.

    Attributes:
        src_dirs: what is rewritten, relative to the tree; the tests are among them.
        install: `editable`, or anything else for sources that are only run in place.
        project_dir, cwd: where the project file is, and where the tests run, relative to the tree.
        env: environment variables of the tests; `{tree}` stands for the tree's path.
        pins: every dependency, pinned; where there are none, `deps` are resolved afresh.
        baseline_extra: the counts of an earlier run of the tests with the extras installed, to compare with.
    """

    name: str
    pypi_name: str
    version: str
    sdist: str
    category: str
    src_dirs: tuple[str, ...]
    import_name: str
    install: str
    test_cmd: str
    project_dir: str = ""
    cwd: str = ""
    extras: str = ""
    nodeps: bool = False
    env: dict[str, str] = field(default_factory=dict)
    deps: tuple[str, ...] = ()
    pins: tuple[str, ...] = ()
    baseline_extra: dict[str, int] = field(default_factory=dict)

    @property
    def targets(self) -> tuple[str, ...]:
        """What hasten is given, relative to where the project file is, which is where it is started."""
        return tuple(os.path.relpath(each, self.project_dir or ".") for each in self.src_dirs)

    @classmethod
    def parse(cls, entry: dict[str, Any]) -> Package:
        """Return the package that one entry of the file describes; fields that are not used here are left out."""
        known = {item.name for item in fields(cls)}
        values = {name: value for name, value in entry.items() if name in known and value is not None}
        for name in ("src_dirs", "deps", "pins"):
            values[name] = tuple(values.get(name, ()))
        return cls(**values)


def load(path: Path) -> tuple[Package, ...]:
    """Return the packages of a file such as `packages.json`, in its order."""
    return tuple(Package.parse(entry) for entry in json.loads(path.read_text(encoding="utf-8")))


@functools.cache
def interpreter() -> str:
    """Return a Python 3.11 that runs and can make environments.

    Raises:
        CorpusError: there is none on PATH, and pyenv has none either.
    """
    names = [str(Path(folder) / f"python{PYTHON}") for folder in os.get_exec_path()]
    names += map(str, sorted(Path.home().glob(f".pyenv/versions/{PYTHON}*/bin/python{PYTHON}"), reverse=True))
    probe = f"import sys, venv, ensurepip; sys.exit('%d.%d' % sys.version_info[:2] != '{PYTHON}')"
    for name in dict.fromkeys([sys.executable, *names]):
        # A version manager's shim exists and fails, so only running it tells.
        if (
            Path(name).exists()
            and subprocess.run([name, "-c", probe], capture_output=True, check=False).returncode == 0
        ):
            return name
    message = f"the corpus is pinned for Python {PYTHON}, and no python{PYTHON} that runs was found on PATH or in pyenv"
    raise CorpusError(message)


def prepare(package: Package, target: Path, sdists: Path) -> None:
    """Make TARGET/tree, TARGET/venv and TARGET/orig, unless they are there in the version that is asked for.

    Raises:
        CorpusError: the sources cannot be had, or the environment cannot be made.
    """
    tree, orig = target / "tree", target / "orig"
    if orig.is_dir() and (target / "venv" / "bin" / "python").exists() and _version(orig) == package.version:
        _add_extras(package, target)
        return
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    unpack(sdist(package, sdists), tree)
    _make_environment(package, target)
    _add_extras(package, target)
    # Last, and by rename: a target that has `orig` is complete.
    shutil.copytree(tree, target / "orig.tmp", symlinks=True)
    (target / "orig.tmp").rename(orig)


def _version(tree: Path) -> str:
    """Return the version that an unpacked distribution says it has, normalised where it is one."""
    try:
        text = HeaderParser().parsestr((tree / "PKG-INFO").read_text(encoding="utf-8", errors="replace"))["Version"]
        return str(Version(text))
    except (OSError, InvalidVersion, TypeError):
        return ""


def sdist(package: Package, sdists: Path) -> Path:
    """Return the source distribution; pip is asked when the cache lacks it."""
    path = sdists / package.sdist
    if not path.exists():
        sdists.mkdir(parents=True, exist_ok=True)
        # The interpreter of the pins, so that pip's own check of `requires-python` is about that one.
        command = [interpreter(), "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        _run(package, [*command, "--dest", str(sdists), f"{package.pypi_name}=={package.version}"])
    if not path.exists():
        message = f"{package.name}: pip got no {package.sdist}"
        raise CorpusError(message)
    return path


def unpack(archive: Path, tree: Path) -> None:
    """Put the one folder that the archive holds in place as `tree`."""
    with tarfile.open(archive) as tar:
        tar.extractall(tree.parent, filter="data")
    (tree.parent / archive.name.removesuffix(".tar.gz")).rename(tree)


def _make_environment(package: Package, target: Path) -> None:
    """Make TARGET/venv with the pinned dependencies, and the package where it is to be installed."""
    if _uv():
        _run(package, [_uv(), "venv", "--quiet", "--clear", "--python", interpreter(), str(target / "venv")])
    else:
        _run(package, [interpreter(), "-m", "venv", "--clear", str(target / "venv")])
    pip = _pip(target)
    project = str(target / "tree" / package.project_dir)
    editable = ["--editable", project] if package.install == "editable" else []
    if package.pins:
        _run(package, [*pip, "--no-deps", *package.pins])
        if editable:
            _run(package, [*pip, "--no-deps", *editable])
    elif package.nodeps:
        _run(package, [*pip, *package.deps])
        _run(package, [*pip, "--no-deps", *editable])
    else:
        if editable and package.extras:
            editable[1] += f"[{package.extras}]"
        _run(package, [*pip, *package.deps, *editable])


def _add_extras(package: Package, target: Path) -> None:
    """Install what rewritten packages need, unless it was installed before."""
    done = target / "venv" / "extras.txt"
    if done.is_file() and done.read_text(encoding="utf-8").split() == list(EXTRAS):
        return
    # With the pinned versions again: a plugin among the extras must not bring another pytest, or exchange itself.
    pinned = {pin.partition("==")[0] for pin in package.pins}
    wanted = [name for name in EXTRAS if name not in pinned]
    _run(package, [*_pip(target), *wanted, *(pin for pin in package.pins if pin.startswith("pytest=="))])
    done.write_text("\n".join(EXTRAS), encoding="utf-8")


def installed(target: Path) -> dict[str, str]:
    """Return the versions of the extras in TARGET/venv."""
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    command = [str(target / "venv" / "bin" / "python"), "-c", code, *EXTRAS]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    return dict(zip(EXTRAS, said, strict=False))


def _uv() -> str:
    """Return uv's program, empty where it is not installed; it is much faster than pip."""
    return os.environ.get("UV") or shutil.which("uv") or ""


def _pip(target: Path) -> list[str]:
    """Return the words of a command that installs into TARGET/venv."""
    python = str(target / "venv" / "bin" / "python")
    if _uv():
        return [_uv(), "pip", "install", "--quiet", "--python", python]
    return [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


def _run(package: Package, command: list[str]) -> None:
    """Run a step of the preparation.

    Raises:
        CorpusError: it failed; with the last line that it wrote.
    """
    # An unpacked distribution has no git metadata to read its version from.
    version = package.version if package.version[0].isdigit() else "0.0"
    env = {**os.environ, "SETUPTOOLS_SCM_PRETEND_VERSION": version, "PBR_VERSION": version}
    done = subprocess.run(command, env=env, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        message = f"{package.name}: `{Path(command[0]).name} {' '.join(command[1:4])} ...` failed: {last}"
        raise CorpusError(message)
