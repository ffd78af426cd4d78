"""How a project runs its tests, from its metadata: which plugin runs coroutine functions, and how it is told to."""

from __future__ import annotations

import configparser
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

#: Where pytest looks for its options, in its order: the first file of a directory that has the section counts.
FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
_SECTIONS = {"setup.cfg": "tool:pytest"}
#: A file of these needs no such section to be the one that counts.
_ALWAYS = frozenset({"pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini"})
_PLUGIN = re.compile(r"\bpytest[-_.]asyncio\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Suite:
    """How the tests below one directory are run.

    Attributes:
        folder: the directory, `""` for the root.
        auto: pytest-asyncio runs every coroutine function (`asyncio_mode = auto`).
        plugin: some metadata of the project name pytest-asyncio.
        off: why no test may become a coroutine function, `""` where nothing stands in the way.
    """

    folder: str = ""
    auto: bool = False
    plugin: bool = False
    off: str = ""


def suites(texts: Mapping[str, str]) -> tuple[Suite, ...]:
    """Return what each directory says about its tests, the deepest directories first, the root in any case.

    Args:
        texts: metadata files by path; what cannot be parsed says nothing.
    """
    plugin = any(_PLUGIN.search(text) for text in texts.values())
    found = {"": Suite(plugin=plugin)}
    for folder in {posixpath.dirname(path) for path in texts}:
        for name in FILES:
            path = posixpath.join(folder, name)
            options = _options(name, texts[path]) if path in texts else None
            if options is not None:
                found[folder] = _suite(folder, options, plugin=plugin)
                break
    return tuple(sorted(found.values(), key=lambda each: (-len(each.folder), each.folder)))


def suite_for(path: str, found: Iterable[Suite]) -> Suite:
    """Return what counts for the file at `path`: what the nearest directory above says."""
    return next((each for each in found if not each.folder or path.startswith(f"{each.folder}/")), Suite())


def _options(name: str, text: str) -> Mapping[str, str] | None:
    """Return pytest's options in a file as text, None where the file has no section for them."""
    if name.endswith(".toml"):
        return _toml_options(name, text)
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    section = _SECTIONS.get(name, "pytest")
    if parser.has_section(section):
        return dict(parser.items(section))
    return {} if name in _ALWAYS else None


def _toml_options(name: str, text: str) -> Mapping[str, str] | None:
    import tomllib

    try:
        data: object = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
    ways = (("pytest",),) if name != "pyproject.toml" else (("tool", "pytest", "ini_options"), ("tool", "pytest"))
    for keys in ways:
        table = data
        for key in keys:
            table = table.get(key) if isinstance(table, Mapping) else None
        if isinstance(table, Mapping):
            return {str(key): _text(value) for key, value in table.items()}
    return {} if name in _ALWAYS else None


def _text(value: object) -> str:
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def _suite(folder: str, options: Mapping[str, str], *, plugin: bool) -> Suite:
    words = options.get("addopts", "").split()
    pairs = list(pairwise(words))
    mode = next((word.partition("=")[2] for word in words if word.startswith("--asyncio-mode=")), None)
    mode = mode or next((after for word, after in pairs if word == "--asyncio-mode"), options.get("asyncio_mode", ""))
    off = ""
    if "-pno:asyncio" in words or ("-p", "no:asyncio") in pairs:
        off = "pytest is told to load no pytest-asyncio (`-p no:asyncio`)"
    elif not plugin and _warnings_are_errors(options, words, pairs):
        # Its INTERNALERROR would end the run before the first test.
        off = "pytest-asyncio warns where `asyncio_default_fixture_loop_scope` is not set, and warnings are errors here"
    return Suite(folder, mode.strip("'\"") == "auto", plugin, off)


def _warnings_are_errors(options: Mapping[str, str], words: list[str], pairs: list[tuple[str, str]]) -> bool:
    if "asyncio_default_fixture_loop_scope" in options:
        return False
    lines = [each.strip().strip("'\"") for each in options.get("filterwarnings", "").splitlines()]
    return "error" in lines or "-Werror" in words or ("-W", "error") in pairs
