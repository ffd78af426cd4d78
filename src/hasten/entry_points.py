"""What a project's metadata calls from outside: its commands, and what plugins are found by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

_NAME = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
#: `app.cli:main`, with or without extras.
_REFERENCE = re.compile(rf"\s*({_NAME})\s*:\s*({_NAME})\s*(?:\[[^\]]*\])?\s*")
#: `serve = app.cli:main`, which is how setup.cfg and the strings of setup.py say it; what else looks like that is
#: taken for an entry point as well: it names nothing of the program, as a rule.
_ASSIGNED = re.compile(rf"=[\s\"']*({_NAME})[ \t]*:[ \t]*({_NAME})")
#: `py_modules = ["tool"]` of setup.py, and the lines of setup.cfg.
_LISTED = re.compile(r"\bpy_modules[ \t]*=[ \t]*(\[[^\]]*\]|[^\n]*(?:\n[ \t]+[^\n]*)*)")
#: `include = ["tool.py"]` of Hatch and Poetry.
_FILE = re.compile(r"/?(?:src/)?([^\W\d]\w*)\.py")
_BUILDERS = ("hatch", "poetry", "pdm", "uv")
#: Where pyproject.toml says what the project is called.
_NAMED = (("project", "name"), ("tool", "poetry", "name"))
#: The tables of pyproject.toml that hold entry points.
_TABLES = (
    ("project", "scripts"),
    ("project", "gui-scripts"),
    ("project", "entry-points"),
    ("tool", "poetry", "scripts"),
    ("tool", "poetry", "plugins"),
    ("tool", "flit", "scripts"),
    ("tool", "flit", "entrypoints"),
)


def entry_points(texts: Mapping[str, str]) -> frozenset[str]:
    """Return every entry point as `module:name`, names within classes with dots.

    Args:
        texts: metadata files by path; those that are no pyproject.toml, setup.cfg or setup.py hold none, and neither
            does what cannot be parsed.
    """
    found: set[str] = set()
    for path, text in texts.items():
        match path.rpartition("/")[2]:
            case "pyproject.toml":
                found.update(_in_pyproject(text))
            case "setup.cfg" | "setup.py":
                found.update(f"{each[1]}:{each[2]}" for each in _ASSIGNED.finditer(text))
            case _:
                continue
    return frozenset(found)


def lone_modules(texts: Mapping[str, str]) -> frozenset[str]:
    """Return the modules that the metadata names one by one: what lies beside them is not installed with them.

    Args:
        texts: as for `entry_points`.
    """
    found: set[str] = set()
    for path, text in texts.items():
        match path.rpartition("/")[2]:
            case "pyproject.toml":
                data = _loaded(text)
                found.update(_strings(_at(data, ("tool", "setuptools", "py-modules"))))
                found.update(_strings(_at(data, ("tool", "flit", "module", "name"))))
                # Where nothing else is said, what builds a project takes the one module of its name. Without a word of
                # how it is built, it is an application, which is run where it lies.
                named = _strings([_at(data, each) for each in _NAMED]) if _at(data, ("build-system",)) else ()
                found.update(re.sub(r"[-.]+", "_", each) for each in named)
                listed = _strings([_at(data, ("tool", each)) for each in _BUILDERS])
                found.update(file[1] for each in listed if (file := _FILE.fullmatch(each)) is not None)
            case "setup.cfg" | "setup.py":
                for listed in _LISTED.findall(text):
                    found.update(re.findall(_NAME, listed))
            case _:
                continue
    return frozenset(found)


def _in_pyproject(text: str) -> Iterator[str]:
    data = _loaded(text)
    for keys in _TABLES:
        for each in _strings(_at(data, keys)):
            reference = _REFERENCE.fullmatch(each)
            if reference is not None:
                yield f"{reference[1]}:{reference[2]}"


def _loaded(text: str) -> object:
    """Return the content of a TOML file, None where it cannot be parsed."""
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _at(data: object, keys: Iterable[str]) -> object:
    """Return what stands below `keys`, None where nothing does."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _strings(value: object) -> Iterator[str]:
    """Yield all strings in a value: Poetry and plugins have tables within tables."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
