"""Output for code hosts: SARIF, annotations, Markdown."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import jsonschema
import pytest
from tests import schemas

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Tree

ONLY = ("--select", "slow-to-fast")
MIXED: dict[str, str | bytes] = {
    "app/a.py": "x = slow(1)\ny = slow(2, risky=True)\nslow()\n",
    "app/\u00fcml%20 aut|`_\u202e.py": "z = slow(3)",
    "app/broken.py": "slow(\n",
    "pyproject.toml": "[project]\nname = 'a'\nversion = '1'\ndependencies = []\n",
    "needs.py": "\ufeffa = slow(4, needs=1)\r\nb = slow(5, needs=1)\r\n",
}


@pytest.fixture(scope="session")
def schema() -> Any:
    """The schema of SARIF 2.1.0."""
    return schemas.published(schemas.SARIF)


def _sarif(done: bytes) -> Any:
    return json.loads(done)["runs"][0]


def _fixed(text: str, replacements: list[Any]) -> str:
    """Do to a text what a fix says, as an editor does."""
    lines = text.split("\n")
    starts = [sum(len(line) + 1 for line in lines[:number]) for number in range(len(lines))]
    for each in reversed(replacements):
        region = each["deletedRegion"]
        start = starts[region["startLine"] - 1] + region["startColumn"] - 1
        end = starts[region["endLine"] - 1] + region["endColumn"] - 1
        text = text[:start] + each["insertedContent"]["text"] + text[end:]
    return text


def test_sarif_follows_the_official_schema(hasten_command: Command, tree: Tree, schema: Any) -> None:
    """With everything that a report may hold."""
    root = tree(MIXED)
    done = hasten_command("preview", *ONLY, "--format", "sarif", cwd=root)
    assert done.returncode == 2
    jsonschema.validate(json.loads(done.stdout), schema)
    run = _sarif(done.stdout)
    kinds = [(each["ruleId"], each.get("kind", "fail")) for each in run["results"]]
    assert kinds.count(("slow-to-fast", "fail")) == 5
    assert kinds.count(("ACM101", "informational")) == 1
    assert not run["invocations"][0]["executionSuccessful"]
    for each in run["results"]:
        assert run["tool"]["driver"]["rules"][each["ruleIndex"]]["id"] == each["ruleId"]


def test_a_fix_holds_all_files_and_makes_what_apply_makes(hasten_command: Command, tree: Tree) -> None:
    """Done to the files, all fixes of one line each give what `apply` gives."""
    root = tree({name: data for name, data in MIXED.items() if "broken" not in name})
    run = _sarif(hasten_command("preview", *ONLY, "--format", "sarif", cwd=root).stdout)
    made = {}
    for each in run["results"]:
        if each["ruleId"] != "slow-to-fast":
            continue
        (fix,) = each["fixes"]
        paths = {unquote(change["artifactLocation"]["uri"]) for change in fix["artifactChanges"]}
        assert paths == {"needs.py", "pyproject.toml"} or len(paths) == 1
        for change in fix["artifactChanges"]:
            path = unquote(change["artifactLocation"]["uri"])
            text = (root / path).read_bytes().decode("utf-8-sig")
            made[path, each["message"]["text"]] = _fixed(text, change["replacements"])
    assert _only(made, "aut|") == "z = fast(3)"
    assert "fast(4" in _only(made, "needs.py") or "fast(5" in _only(made, "needs.py")
    assert _only(made, "needs.py").count("fast(") == 1
    assert "acme-fast" in _only(made, "pyproject.toml")
    assert {made[key] for key in made if key[0] == "app/a.py"} == {
        "x = fast(1)\ny = slow(2, risky=True)\nslow()\n",
        "x = slow(1)\ny = fast(2, risky=True)\nslow()\n",
    }


def test_no_format_sends_what_a_terminal_obeys(hasten_command: Command, tree: Tree) -> None:
    """Neither in names nor in text; what stands for it in JSON is the same to who reads JSON."""
    name = "a\nb\x1b[31m\u202e\x9b.py"
    text = "x = slow(1)  # \u202e\x1b[31m\x7f\u2066\n"
    root = tree({name: text})
    for kind in ("json", "sarif", "github", "summary"):
        done = hasten_command("preview", *ONLY, "--format", kind, cwd=root)
        assert done.returncode == 0
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", done.stdout.decode())
        if kind == "json":
            (file,) = json.loads(done.stdout)["files"]
            assert file["path"] == name
            assert text in file["diff"]
        if kind == "summary":
            assert "| `a\\nb\\x1b[31m\\u202e\\x9b.py` | 1 | 1 |\n" in done.stdout.decode()


def _only(made: dict[tuple[str, str], str], part: str) -> str:
    return next(text for (path, _), text in made.items() if part in path)


def test_fixes_do_not_depend_on_the_number_of_processes(hasten_command: Command, tree: Tree) -> None:
    """Each is made by itself, by whichever process."""
    root = tree({f"m{number}.py": "x = slow(1)\ny = slow(2)\n" for number in range(15)})
    said = [
        hasten_command("preview", *ONLY, "--format", "sarif", "--no-cache", "--jobs", jobs, cwd=root).stdout
        for jobs in ("1", "2")
    ]
    assert said[0] == said[1]
    assert sum("fixes" in each for each in _sarif(said[0])["results"]) == 30


def test_sarif_after_apply_holds_the_fixes_as_well(hasten_command: Command, tree: Tree, schema: Any) -> None:
    """What was written, and how."""
    root = tree({"a.py": "x = slow(1)\n"})
    done = hasten_command("apply", *ONLY, "--format", "sarif", cwd=root)
    assert done.returncode == 0
    jsonschema.validate(json.loads(done.stdout), schema)
    assert _sarif(done.stdout)["results"][0]["fixes"]
    assert (root / "a.py").read_text() == "x = fast(1)\n"


def test_sarif_of_standard_input(hasten_command: Command, tree: Tree, schema: Any) -> None:
    """And with `--check`, and into a file."""
    root = tree({})
    done = hasten_command("preview", *ONLY, "--format", "sarif", "--check", "-", cwd=root, text=b"x = slow(1)\n")
    assert done.returncode == 1
    jsonschema.validate(json.loads(done.stdout), schema)
    done = hasten_command("apply", *ONLY, "--format", "sarif", "--check", "-o", "x", "-", cwd=root, text=b"slow(1)\n")
    assert (done.returncode, done.stdout) == (1, b"")
    jsonschema.validate(json.loads((root / "x").read_bytes()), schema)


def test_annotations_stand_at_what_is_taken(hasten_command: Command, tree: Tree) -> None:
    """Characters that mean something there are escaped, and so are those that a terminal obeys."""
    done = hasten_command("preview", *ONLY, "--format", "github", cwd=tree(MIXED))
    lines = done.stdout.decode().splitlines()
    assert lines[0] == (
        "::notice file=app/a.py,line=1,endLine=1,col=5,endColumn=9,title=hasten%3A slow-to-fast::call fast (safe)"
    )
    assert any(line.startswith("::error file=app/broken.py,title=hasten::") for line in lines)
    assert any("file=app/\u00fcml%2520 aut|`_\\u202e.py," in line for line in lines)
    assert not any("risky" in line for line in lines)


@pytest.mark.parametrize("known_by", ["git", "the runner"])
def test_annotations_name_files_from_the_top_of_the_repository(
    hasten_command: Command, tree: Tree, known_by: str
) -> None:
    """Wherever the command is called: in a directory below, and in a checkout that is not the workspace itself."""
    root = tree({"checkout/web/app/a.py": "x = slow(1)\n", "checkout/web/b.py": "slow(\n"})
    variables = {"GITHUB_WORKSPACE": str(root if known_by == "git" else root / "checkout")}
    if known_by == "git":
        subprocess.run(["git", "init", "-q"], cwd=root / "checkout", check=True)
    for folder in ("checkout/web/app", "checkout", "."):
        line = "preview", *ONLY, "--format", "github", root / "checkout"
        done = hasten_command(*line, cwd=root / folder, variables=variables)
        assert [each.partition(",")[0] for each in done.stdout.decode().splitlines()] == [
            "::notice file=web/app/a.py",
            "::error file=web/b.py",
        ]


def test_the_summary_is_markdown(hasten_command: Command, tree: Tree) -> None:
    """It counts what the table counts, and no name of a file can end its cell."""
    done = hasten_command("preview", *ONLY, "--format", "summary", cwd=tree(MIXED))
    text = done.stdout.decode()
    assert "| `slow-to-fast` | 6 | 4 | 1 | 1 |" in text
    assert "| `` app/\u00fcml%20 aut\\|`_\\u202e.py `` | 1 | 1 |" in text
    assert "### Refused, by reason" in text
    assert "- `app/broken.py`: " in text
    assert "codemod  " not in done.stderr.decode()
