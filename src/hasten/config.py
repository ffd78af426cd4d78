"""Read `[tool.hasten]`, check every key of it, and lay the command line over it."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from hasten.codes import ENGINE_CODES
from hasten.errors import ConfigError, HastenError, SourceError, UsageError
from hasten.source import read_bytes
from hasten.strategies import STRATEGIES, ByPath

if TYPE_CHECKING:
    from hasten.api import Codemod, Option

    # Only the class attributes of a codemod matter here, so classes and instances will both do.
    AnyCodemod: TypeAlias = Codemod | type[Codemod]


#: In a table of names: what goes for the others.
_OTHERS = "default"


@dataclass(frozen=True, slots=True)
class Config:
    """What a person set, in the file and on the command line.

    Attributes:
        select: the codemods to run; empty is all of them.
        ignore: codemods that do not run.
        unsafe: unsafe changes are taken too.
        accept: hazards that are taken without `unsafe`.
        exclude: patterns, as in `.gitignore`, of files that are not rewritten.
        strategy: how coroutines are spared what blocks, see `hasten.strategies`.
        strategies: the same for the files that match a pattern; the last that matches wins.
        jobs: how many processes may work; 0 is one for each processor.
        options: per codemod, the settings that were given; `options_for` adds the defaults.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    unsafe: bool = False
    accept: frozenset[str] = frozenset()
    exclude: tuple[str, ...] = ()
    strategy: str = "convert"
    strategies: tuple[tuple[str, str], ...] = ()
    jobs: int = 0
    options: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def options_for(self, codemod: AnyCodemod) -> dict[str, object]:
        """Return a value for every option that the codemod declares."""
        given = self.options.get(codemod.name, {})
        values = {option.name: option.default for option in codemod.options} | dict(given)
        for option in codemod.options:
            if option.per:
                values[option.name] = _by_name(option, values[option.name])
            elif option.choices:
                values[option.name] = _by_path(option, values[option.name])
        return values

    def by_path(self) -> ByPath:
        """Return the strategy of each file."""
        return ByPath(self.strategy, self.strategies)

    def runs(self, name: str) -> bool:
        """Tell whether the codemod `name` is to run."""
        return (not self.select or name in self.select) and name not in self.ignore


def load(root: Path, file: Path | None, codemods: Sequence[AnyCodemod]) -> Config:
    """Return the configuration of the program in `root`.

    Args:
        root: where the program is (`discover.find_root`); its `pyproject.toml` is read if there is one.
        file: the file to read in its place; it must be there and have a `[tool.hasten]` table.
        codemods: all that are installed: they say which names, hazard codes and options exist.

    Raises:
        ConfigError: the file cannot be read, a key is not known, or a value cannot be used.
    """
    path = file or root / "pyproject.toml"
    try:
        # What a person names may be a pipe; what is found may not, since nobody might ever write to it.
        data = path.read_bytes() if file or not os.path.lexists(path) else read_bytes(root, path.name)
        document = tomllib.loads(data.decode())
    except FileNotFoundError:
        if file is None:
            return Config()
        raise ConfigError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except SourceError as error:
        raise ConfigError(f"{path}: {error}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}") from None
    tool = document.get("tool", {})
    if not isinstance(tool, dict):
        raise ConfigError(f"{path}: tool: must be a table")
    table = tool.get("hasten")
    if table is None:
        if file is None:
            return Config()
        raise ConfigError(f"{path}: has no [tool.hasten] table")
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: tool.hasten: must be a table")
    return _Reader(path, codemods).read(table)


def override(
    config: Config,
    codemods: Sequence[AnyCodemod],
    *,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    unsafe: bool = False,
    accept: Iterable[str] = (),
    exclude: Iterable[str] = (),
    strategy: str | None = None,
    settings: Iterable[str] = (),
    jobs: int | None = None,
) -> Config:
    """Return `config` with what the command line says laid over it.

    `select` and `jobs` take the place of the file's, and `strategy` that of all that it says about strategies;
    `ignore`, `accept` and `exclude` add to it; `unsafe` turns on. Each of `settings` is `CODEMOD.OPTION=VALUE`, with a
    value as in TOML, or a bare word, and takes the place of that option.

    Raises:
        UsageError: a codemod, an option or a hazard code is not known, or a value cannot be used.
    """
    names, codes = _names(codemods), _codes(codemods)
    select, ignore, accept = tuple(select), tuple(ignore), tuple(accept)
    for word in select:
        check_codemod(word, names, lambda message: UsageError(f"--select: {message}"))
    for word in ignore:
        check_codemod(word, names, lambda message: UsageError(f"--ignore: {message}"))
    for word in accept:
        check_hazard(word, codes, lambda message: UsageError(f"--accept: {message}"))
    if strategy is not None:
        _check_strategy(strategy, lambda message: UsageError(f"--strategy: {message}"))
    return replace(
        config,
        strategy=config.strategy if strategy is None else strategy,
        strategies=config.strategies if strategy is None else (),
        select=select or config.select,
        ignore=_unique((*config.ignore, *ignore)),
        unsafe=unsafe or config.unsafe,
        accept=config.accept | frozenset(accept),
        exclude=_unique((*config.exclude, *exclude)),
        jobs=config.jobs if jobs is None else jobs,
        options=_set(config.options, codemods, settings),
    )


def near(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean ...?` with the known word nearest to `word`, or nothing where none is near."""
    by_fold = {name.casefold(): name for name in sorted(known, reverse=True)}
    found = difflib.get_close_matches(word.casefold().replace("_", "-"), sorted(by_fold), n=1, cutoff=0.5)
    return f"; did you mean {by_fold[found[0]]}?" if found else ""


def check_codemod(word: str, names: Iterable[str], error: Callable[[str], HastenError]) -> None:
    """Raise `error` with a sentence that names the nearest codemod, if `word` is none of `names`."""
    if word not in names:
        raise error(f"there is no codemod {word!r}{near(word, names)}")


def check_hazard(word: str, codes: Mapping[str, str], error: Callable[[str], HastenError]) -> None:
    """Raise `error` if `word` is no hazard; `codes` maps every known code to its kind."""
    hazards = [code for code, kind in codes.items() if kind == "hazard"]
    if word in hazards:
        return
    if word in codes:
        raise error(f"{word} is a {codes[word]}, and only hazards can be accepted")
    raise error(f"there is no hazard {word!r}{near(word, hazards)}")


def _set(
    options: Mapping[str, Mapping[str, object]], codemods: Sequence[AnyCodemod], settings: Iterable[str]
) -> Mapping[str, Mapping[str, object]]:
    """Return the options of all codemods with those of the command line in their place."""
    found = {name: dict(values) for name, values in options.items()}
    reader = _Reader("--set", codemods, UsageError)
    for each in settings:
        key, equals, text = each.partition("=")
        name, dot, option = key.strip().partition(".")
        if not (equals and dot and option):
            raise UsageError(f"--set {each}: write CODEMOD.OPTION=VALUE")
        check_codemod(name, _names(codemods), lambda message: UsageError(f"--set: {message}"))
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text.strip()  # lazy, and not "lazy"
        found.setdefault(name, {}).update(reader.options(name, {option: value}))
    return found


def _by_path(option: Option, value: object) -> ByPath:
    """Return what goes for which file, of a word for all of them or a table of patterns."""
    if isinstance(value, Mapping):
        return ByPath(option.default, tuple(value.items()))
    return ByPath(str(value))


def _by_name(option: Option, value: object) -> Mapping[str, object]:
    """Return what goes for which name, of a value for all of them or a table of names."""
    if not isinstance(value, Mapping):
        return {"": value}
    rest = {name: each for name, each in value.items() if name != _OTHERS}
    return {"": value.get(_OTHERS, option.default), **rest}


def _check_strategy(word: str, error: Callable[[str], HastenError]) -> None:
    if word not in STRATEGIES:
        hint = near(word, STRATEGIES) or f"; there are {', '.join(STRATEGIES)}"
        raise error(f"there is no strategy {word!r}{hint}")


class _Reader:
    """Turns one `[tool.hasten]` table into a `Config`; every error names the file and the key."""

    def __init__(
        self, path: Path | str, codemods: Sequence[AnyCodemod], error: Callable[[str], HastenError] = ConfigError
    ) -> None:
        self._path = path
        self._raised = error
        self._codemods = {codemod.name: codemod for codemod in codemods}
        self._codes = _codes(codemods)

    def read(self, table: Mapping[str, object]) -> Config:
        keys: dict[str, Callable[[str, object], object]] = {
            "select": self._select,
            "ignore": self._select,
            "unsafe": self._boolean,
            "accept": self._hazards,
            "exclude": self._words,
            "strategy": self._strategy,
            "strategies": self._strategies,
            "jobs": self._jobs,
        }
        values: dict[str, object] = {}
        options: dict[str, Mapping[str, object]] = {}
        for key in sorted(table):
            value = table[key]
            if key in keys:
                values[key] = keys[key](key, value)
            elif key in self._codemods:
                options[key] = self.options(key, value)
            elif isinstance(value, dict):
                raise self._error(key, f"there is no codemod {key!r}{near(key, self._codemods)}")
            else:
                raise self._error(key, f"is not a known key{near(key, (*keys, *self._codemods))}")
        return Config(options=options, **values)  # type: ignore[arg-type]  # checked one by one above

    def _error(self, key: str, message: str) -> HastenError:
        where = f"{self._path}: tool.hasten.{key}" if self._raised is ConfigError else f"{self._path} {key}"
        return self._raised(f"{where}: {message}")

    def _wrong(self, key: str, wanted: str, value: object) -> HastenError:
        return self._error(key, f"must be {wanted}, not {_said(value)}")

    def _words(self, key: str, value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise self._wrong(key, "a list of strings", value)
        return tuple(value)

    def _select(self, key: str, value: object) -> tuple[str, ...]:
        words = self._words(key, value)
        for word in words:
            check_codemod(word, self._codemods, lambda message: self._error(key, message))
        return words

    def _hazards(self, key: str, value: object) -> frozenset[str]:
        words = self._words(key, value)
        for word in words:
            check_hazard(word, self._codes, lambda message: self._error(key, message))
        return frozenset(words)

    def _boolean(self, key: str, value: object) -> bool:
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false", value)
        return value

    def _strategy(self, key: str, value: object) -> str:
        if not isinstance(value, str):
            raise self._wrong(key, f"one of {', '.join(STRATEGIES)}", value)
        _check_strategy(value, lambda message: self._error(key, message))
        return value

    def _strategies(self, key: str, value: object) -> tuple[tuple[str, str], ...]:
        """Return what each pattern stands for, in the order of the file."""
        if not isinstance(value, dict):
            raise self._wrong(key, "a table of patterns, each with a strategy", value)
        self._patterns(key, value)
        return tuple((pattern, self._strategy(f"{key}.{pattern!r}", value[pattern])) for pattern in value)

    def _patterns(self, key: str, value: Mapping[str, object]) -> None:
        for pattern in value:
            if not pattern.strip() or pattern.startswith(("!", "#")):
                raise self._error(f"{key}.{pattern!r}", "is no pattern that a file could match")

    def _jobs(self, key: str, value: object) -> int:
        if type(value) is not int or value < 1:
            raise self._wrong(key, "a number from 1", value)
        return value

    def options(self, name: str, value: object) -> dict[str, object]:
        """Return the options of one codemod that a table gives values.

        Raises:
            HastenError: an option is not known, or its value cannot be used.
        """
        if not isinstance(value, dict):
            raise self._wrong(name, "a table", value)
        declared = {option.name: option for option in self._codemods[name].options}
        found = {}
        for key in sorted(value):
            if key not in declared:
                hint = near(key, declared) or (f"; {name} knows {', '.join(sorted(declared))}" if declared else "")
                raise self._error(f"{name}.{key}", f"is not a known key{hint}")
            found[key] = self._option(f"{name}.{key}", declared[key], value[key])
        return found

    def _option(self, key: str, option: Option, value: object) -> object:
        if option.per and isinstance(value, dict):
            known = (_OTHERS, *option.per)
            for each in sorted(value):
                if each not in known:
                    raise self._error(f"{key}.{each}", f"is not a known key{near(each, known)}")
            return {each: self._option(f"{key}.{each}", replace(option, per=()), value[each]) for each in value}
        if option.choices and isinstance(value, dict):
            self._patterns(key, value)
            return {each: self._choice(f"{key}.{each!r}", option, value[each]) for each in value}
        if option.choices:
            return self._choice(key, option, value)
        if option.type in {tuple, list, frozenset}:
            return option.type(self._words(key, value))
        if option.type is float and type(value) is int:
            return float(value)
        # `type(...) is`, since `true` is no number to anybody but Python.
        if type(value) is not option.type:
            kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "a string"}
            raise self._wrong(key, kinds.get(option.type, f"a {option.type.__name__}"), value)
        return value

    def _choice(self, key: str, option: Option, value: object) -> str:
        if not isinstance(value, str) or value not in option.choices:
            hint = near(value, option.choices) if isinstance(value, str) else ""
            raise self._error(key, f"must be one of {', '.join(option.choices)}, not {_said(value)}{hint}")
        return value


def _said(value: object) -> str:
    """Return a TOML value as a person wrote it, near enough."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    return "a list" if isinstance(value, list) else repr(value)


def _names(codemods: Sequence[AnyCodemod]) -> tuple[str, ...]:
    return tuple(codemod.name for codemod in codemods)


def _codes(codemods: Sequence[AnyCodemod]) -> dict[str, str]:
    every = [*ENGINE_CODES, *(code for codemod in codemods for code in codemod.codes)]
    return {code.code: code.kind for code in every}


def _unique(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
