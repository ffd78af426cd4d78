"""`[tool.hasten]`: what is read, and what is said about what cannot be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hasten.api import Code, Codemod, Finding, Option, Program, Settings, Transformer
from hasten.config import Config, load, override
from hasten.errors import ConfigError, UsageError
from hasten.strategies import ByPath


class _Other(Codemod):
    name = "other"

    def analyse(self, program: Program, settings: Settings) -> Iterator[Finding]:
        """Find nothing."""
        yield from ()

    def transformer(self) -> type[Transformer]:
        """Fail: nothing is rewritten here."""
        raise AssertionError


class _Quicken(_Other):
    name = "quicken-it"
    codes = (
        Code("QCK001", "hazard", "a", "b"),
        Code("QCK002", "hazard", "a", "b"),
        Code("QCK101", "refusal", "a", "b"),
    )
    options = (
        Option("fallback", bool, False, "help"),
        Option("limit", int, 3, "help"),
        Option("share", float, 0.5, "help"),
        Option("names", tuple, ("a",), "help"),
        Option("pace", str, "slow", "help", choices=("slow", "quick")),
    )


CODEMODS = (_Other(), _Quicken())


def _write(root: Path, text: str) -> Path:
    path = root / "pyproject.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("selct = []", "tool.hasten.selct: is not a known key; did you mean select?"),
        ("zzzzzz = 1", "tool.hasten.zzzzzz: is not a known key"),
        ("unsafe = 1", "tool.hasten.unsafe: must be true or false, not 1"),
        ("unsafe = 'yes'", "tool.hasten.unsafe: must be true or false, not 'yes'"),
        ("select = 'quicken-it'", "tool.hasten.select: must be a list of strings, not 'quicken-it'"),
        ("select = [1]", "tool.hasten.select: must be a list of strings, not a list"),
        ("select = ['quickenit']", "tool.hasten.select: there is no codemod 'quickenit'; did you mean quicken-it?"),
        ("ignore = ['quicken_it']", "tool.hasten.ignore: there is no codemod 'quicken_it'; did you mean quicken-it?"),
        ("accept = ['QCK003']", "tool.hasten.accept: there is no hazard 'QCK003'; did you mean QCK002?"),
        ("accept = ['qck002']", "tool.hasten.accept: there is no hazard 'qck002'; did you mean QCK002?"),
        ("accept = ['QCK101']", "tool.hasten.accept: QCK101 is a refusal, and only hazards can be accepted"),
        (
            "strategy = 'twins'",
            "tool.hasten.strategy: there is no strategy 'twins'; did you mean twin?",
        ),
        ("strategy = [1]", "tool.hasten.strategy: must be one of convert, twin, offload, not a list"),
        (
            "strategies = 'twin'",
            "tool.hasten.strategies: must be a table of patterns, each with a strategy, not 'twin'",
        ),
        (
            "[tool.hasten.strategies]\n'src/' = 'ofload'",
            "tool.hasten.strategies.'src/': there is no strategy 'ofload'; did you mean offload?",
        ),
        (
            "[tool.hasten.strategies]\n'!src/' = 'offload'",
            "tool.hasten.strategies.'!src/': is no pattern that a file could match",
        ),
        ("jobs = 0", "tool.hasten.jobs: must be a number from 1, not 0"),
        ("jobs = true", "tool.hasten.jobs: must be a number from 1, not true"),
        ("quicken-it = 1", "tool.hasten.quicken-it: must be a table, not 1"),
        ("[tool.hasten.quickn-it]", "tool.hasten.quickn-it: there is no codemod 'quickn-it'; did you mean quicken-it?"),
        (
            "[tool.hasten.quicken-it]\nfalback = true",
            "tool.hasten.quicken-it.falback: is not a known key; did you mean fallback?",
        ),
        (
            "[tool.hasten.quicken-it]\nzzz = true",
            "tool.hasten.quicken-it.zzz: is not a known key; quicken-it knows fallback, limit, names, pace, share",
        ),
        ("[tool.hasten.other]\nzzz = true", "tool.hasten.other.zzz: is not a known key"),
        ("[tool.hasten.quicken-it]\nfallback = 1", "tool.hasten.quicken-it.fallback: must be true or false, not 1"),
        ("[tool.hasten.quicken-it]\nlimit = true", "tool.hasten.quicken-it.limit: must be a whole number, not true"),
        ("[tool.hasten.quicken-it]\nshare = 'x'", "tool.hasten.quicken-it.share: must be a number, not 'x'"),
        (
            "[tool.hasten.quicken-it]\nnames = {}",
            "tool.hasten.quicken-it.names: must be a list of strings, not a table",
        ),
    ],
)
def test_wrong_configuration_is_named(tmp_path: Path, table: str, message: str) -> None:
    """Each mistake is one sentence with the file, the key, and the nearest thing that is known."""
    path = _write(tmp_path, f"[tool.hasten]\n{table}\n")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, None, CODEMODS)
    assert str(caught.value) == f"{path}: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.hasten\n", "is not valid TOML: "),
        ("[tool]\nhasten = 1\n", "tool.hasten: must be a table"),
    ],
)
def test_broken_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    """A file that is no TOML, or whose table is none, is an error that names it."""
    path = _write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, None, CODEMODS)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_given_file_must_be_there_and_have_the_table(tmp_path: Path) -> None:
    """`--config` with a file that says nothing about hasten is an error; a project without one is not."""
    path = _write(tmp_path, "[project]\nname = 'x'\n")
    assert load(tmp_path, None, CODEMODS) == Config()
    assert load(tmp_path / "nowhere", None, CODEMODS) == Config()
    with pytest.raises(ConfigError, match=r"has no \[tool\.hasten\] table"):
        load(tmp_path, path, CODEMODS)
    with pytest.raises(ConfigError, match="there is no such file"):
        load(tmp_path, tmp_path / "no.toml", CODEMODS)
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, tmp_path, CODEMODS)


def test_every_key_is_read(tmp_path: Path) -> None:
    """All keys and the options of a codemod arrive, and undeclared options have their defaults."""
    _write(
        tmp_path,
        "[tool.hasten]\nselect = ['quicken-it']\nignore = ['other']\nunsafe = true\naccept = ['QCK001']\n"
        "exclude = ['x/*.py']\nstrategy = 'twin'\njobs = 2\n"
        "[tool.hasten.strategies]\n'src/**' = 'offload'\n'src/app/' = 'convert'\n"
        "[tool.hasten.quicken-it]\nfallback = true\nshare = 1\nnames = ['b', 'c']\n",
    )
    config = load(tmp_path, None, CODEMODS)
    assert config == Config(
        select=("quicken-it",), ignore=("other",), unsafe=True, accept=frozenset({"QCK001"}), exclude=("x/*.py",),
        strategy="twin", strategies=(("src/**", "offload"), ("src/app/", "convert")), jobs=2,
        options={"quicken-it": {"fallback": True, "share": 1.0, "names": ("b", "c")}},
    )  # fmt: skip
    assert config.options_for(CODEMODS[1]) == {
        "fallback": True, "limit": 3, "share": 1.0, "names": ("b", "c"), "pace": ByPath("slow"),
    }  # fmt: skip
    assert config.options_for(CODEMODS[0]) == {}
    assert (config.runs("quicken-it"), config.runs("other")) == (True, False)


def test_the_last_pattern_that_matches_names_the_strategy() -> None:
    """A path has the strategy of the last pattern that matches it, and the default where none does."""
    config = Config(strategy="twin", strategies=(("src/**", "offload"), ("src/app/", "convert")))
    strategies = config.by_path()
    assert [strategies.of(each) for each in ("src/a.py", "src/app/b.py", "b.py")] == ["offload", "convert", "twin"]


def test_a_strategy_on_the_command_line_goes_for_the_whole_run() -> None:
    """It takes the place of the file's, and of what that says about single paths."""
    config = Config(strategy="twin", strategies=(("src/**", "offload"),))
    assert override(config, CODEMODS, strategy="convert") == Config()


def test_command_line_is_laid_over_the_file() -> None:
    """Selecting and jobs replace, ignoring, accepting and excluding add, and unsafe turns on."""
    config = Config(select=("other",), ignore=("other",), accept=frozenset({"QCK001"}), exclude=("a",), jobs=2)
    assert override(config, CODEMODS) == config
    assert override(
        config,
        CODEMODS,
        select=["quicken-it"],
        ignore=["quicken-it", "other"],
        unsafe=True,
        accept=["QCK002"],
        exclude=["b"],
        jobs=1,
    ) == Config(("quicken-it",), ("other", "quicken-it"), True, frozenset({"QCK001", "QCK002"}), ("a", "b"), jobs=1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"select": ["othr"]}, "--select: there is no codemod 'othr'; did you mean other?"),
        ({"ignore": ["othr"]}, "--ignore: there is no codemod 'othr'; did you mean other?"),
        ({"accept": ["QCK01"]}, "--accept: there is no hazard 'QCK01'; did you mean QCK001?"),
        ({"strategy": "covert"}, "--strategy: there is no strategy 'covert'; did you mean convert?"),
        ({"accept": ["QCK101"]}, "--accept: QCK101 is a refusal, and only hazards can be accepted"),
        ({"settings": ["pace=quick"]}, "--set pace=quick: write CODEMOD.OPTION=VALUE"),
        ({"settings": ["quick-it.pace=slow"]}, "--set: there is no codemod 'quick-it'; did you mean quicken-it?"),
        ({"settings": ["quicken-it.pac=slow"]}, "--set quicken-it.pac: is not a known key; did you mean pace?"),
        ({"settings": ["quicken-it.limit=slow"]}, "--set quicken-it.limit: must be a whole number, not 'slow'"),
        (
            {"settings": ["quicken-it.pace=quik"]},
            "--set quicken-it.pace: must be one of slow, quick, not 'quik'; did you mean quick?",
        ),
    ],
)
def test_wrong_words_on_the_command_line_are_named(words: dict[str, Any], message: str) -> None:
    """The command line's mistakes name the option in place of the file."""
    with pytest.raises(UsageError) as caught:
        override(Config(), CODEMODS, **words)
    assert str(caught.value) == message


def test_one_of_several_words_may_differ_from_path_to_path(tmp_path: Path) -> None:
    """A table of patterns gives each file its word, and the last pattern that matches wins."""
    _write(tmp_path, "[tool.hasten.quicken-it.pace]\n'src/' = 'quick'\n'src/app/' = 'slow'\n")
    pace = load(tmp_path, None, CODEMODS).options_for(CODEMODS[1])["pace"]
    assert isinstance(pace, ByPath)
    assert [pace.of(each) for each in ("a.py", "src/a.py", "src/app/a.py")] == ["slow", "quick", "slow"]
    _write(tmp_path, "[tool.hasten.quicken-it]\npace = 'quick'\n")
    assert load(tmp_path, None, CODEMODS).options_for(CODEMODS[1])["pace"] == ByPath("quick")
    _write(tmp_path, "[tool.hasten.quicken-it.pace]\n'src/' = 'fast'\n")
    with pytest.raises(ConfigError, match=r"quicken-it\.pace\.'src/': must be one of slow, quick, not 'fast'"):
        load(tmp_path, None, CODEMODS)


def test_the_command_line_sets_options() -> None:
    """`--set` takes the place of what the file says of that option, and of no other; words need no quotes."""
    file = Config(options={"quicken-it": {"pace": {"src/": "quick"}, "limit": 4}})
    config = override(file, CODEMODS, settings=["quicken-it.pace=slow", "quicken-it.names=['x']"])
    assert config.options == {"quicken-it": {"pace": "slow", "limit": 4, "names": ("x",)}}
    assert file.options == {"quicken-it": {"pace": {"src/": "quick"}, "limit": 4}}


def test_a_tool_that_is_no_table_is_an_error(tmp_path: Path) -> None:
    """A file whose `tool` is a number cannot hold a configuration, and is not taken for one that holds none."""
    path = _write(tmp_path, "tool = 3\n")
    with pytest.raises(ConfigError, match="tool: must be a table"):
        load(tmp_path, None, CODEMODS)
    with pytest.raises(ConfigError, match="tool: must be a table"):
        load(tmp_path, path, CODEMODS)


def test_a_pipe_is_no_configuration(tmp_path: Path) -> None:
    """A named pipe called `pyproject.toml` is refused, and not read for ever."""
    os.mkfifo(tmp_path / "pyproject.toml")
    with pytest.raises(ConfigError, match="not a regular file"):
        load(tmp_path, None, CODEMODS)


class _Keen(_Other):
    name = "keen"
    options = (
        Option("tries", int, 3, "help", per=("one", "other")),
        Option("tone", str, "low", "help", choices=("low", "high"), per=("one",)),
    )


def test_options_by_name(tmp_path: Path) -> None:
    """An option may have a value for some names, and another for the rest."""
    codemod = _Keen()
    assert Config().options_for(codemod) == {"tries": {"": 3}, "tone": {"": "low"}}
    _write(tmp_path, "[tool.hasten.keen]\ntries = 4\ntone = { one = 'high' }\n")
    assert load(tmp_path, None, (codemod,)).options_for(codemod) == {
        "tries": {"": 4}, "tone": {"": "low", "one": "high"},
    }  # fmt: skip
    _write(tmp_path, "[tool.hasten.keen.tries]\ndefault = 5\none = 6\n")
    assert load(tmp_path, None, (codemod,)).options_for(codemod)["tries"] == {"": 5, "one": 6}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("tries = { on = 1 }", "tool.hasten.keen.tries.on: is not a known key; did you mean one?"),
        ("tries = { one = 'x' }", "tool.hasten.keen.tries.one: must be a whole number, not 'x'"),
        (
            "tone = { one = 'hig' }",
            "tool.hasten.keen.tone.one: must be one of low, high, not 'hig'; did you mean high?",
        ),
    ],
)
def test_options_by_name_that_cannot_be_used(tmp_path: Path, table: str, message: str) -> None:
    """A name that the option does not have, or a value that it cannot have, is an error that names it."""
    _write(tmp_path, f"[tool.hasten.keen]\n{table}\n")
    with pytest.raises(ConfigError) as error:
        load(tmp_path, None, (_Keen(),))
    assert message in str(error.value)
