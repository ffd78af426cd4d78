"""`hasten review` through a real pseudo-terminal, key by key."""

from __future__ import annotations

import io
import re
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pexpect
import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Tree

STORE = """\
def first():
    return slow(1)


def second():
    return slow(2, risky=True)


def third():
    return slow(3)
"""
PROMPT = r"take this change\? \[[^]]*\] "
_BAR = re.compile(r"\x1b\[\?25l.*\x1b\[\?25h(?:\x1b\[1A|\x1b\[2K|\r)*", re.DOTALL)
CONFIRM = r"write this to \d+ files?\? \[y/N/u\] "


class Reviewer:
    """A person in front of a terminal."""

    def __init__(self, child: pexpect.spawn[str], log: io.StringIO) -> None:
        """Take the terminal, and what has been shown on it."""
        self.child = child
        self._log = log

    def until(self, pattern: str) -> str:
        """Wait for something to be shown, and return what came before it, without colours and progress."""
        self.child.expect(pattern)
        return re.sub(r"\x1b\[[0-9;]*m", "", _BAR.sub("", str(self.child.before)))

    def press(self, *keys: str) -> str:
        """Answer that many questions, each with one key; return what the last of them showed."""
        shown = ""
        for key in keys:
            shown = self.until(PROMPT)
            self.child.send(key)
        return shown

    def confirm(self, key: str) -> str:
        """Answer the last question, and return what it showed."""
        shown = self.until(CONFIRM)
        self.child.send(key)
        return shown

    def end(self) -> int:
        """Wait for the command to end, and return its exit code."""
        self.child.expect(pexpect.EOF)
        self.child.close()
        return -self.child.signalstatus if self.child.signalstatus is not None else int(self.child.exitstatus or 0)

    @property
    def screen(self) -> str:
        """All that was shown so far."""
        return self._log.getvalue()


class Review(Protocol):
    """Starts `hasten review`."""

    def __call__(
        self, *arguments: str, cwd: Path, columns: int = 100, environment: dict[str, str] | None = None
    ) -> Reviewer:
        """Start it."""


@pytest.fixture
def review(hasten_command: Command) -> Review:
    """Return what starts `hasten review` on a terminal."""

    def start(*arguments: str, cwd: Path, columns: int = 100, environment: dict[str, str] | None = None) -> Reviewer:
        command, *rest = hasten_command.line("review", *arguments)
        log = io.StringIO()
        kept = {key: value for key, value in hasten_command.environment.items() if key not in {"COLUMNS", "LINES"}}
        child = pexpect.spawn(
            command,
            rest,
            cwd=str(cwd),
            # What runs the tests may have set a width, which would be believed.
            env={**kept, "TERM": "xterm", **(environment or {})},
            dimensions=(50, columns),
            encoding="utf-8",
            timeout=120,
        )
        child.logfile_read = log
        return Reviewer(child, log)

    return start


def _editor(folder: Path, body: str) -> dict[str, str]:
    """Return an environment whose editor is a program that changes `text`."""
    script = folder / "editor.py"
    script.write_text(
        f"import sys\npath = sys.argv[1]\ntext = open(path, encoding='utf-8').read()\n{body}\n"
        "open(path, 'w', encoding='utf-8').write(text)\n",
        encoding="utf-8",
    )
    return {"EDITOR": f"{sys.executable} {script}", "VISUAL": ""}


def test_what_is_accepted_is_written_and_can_be_undone(review: Review, tree: Tree, hasten_command: Command) -> None:
    """A yes is written, a no is not, and `undo` knows of it."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root)
    assert "(1 of 3)" in person.press("y")
    assert "ACM001" in person.press("n")
    person.press("y")
    assert "2 changes accepted, 1 of this file left" in person.confirm("y")
    assert person.end() == 0
    assert (root / "store.py").read_text() == STORE.replace("slow(1)", "fast(1)").replace("slow(3)", "fast(3)")
    assert hasten_command("undo", cwd=root).returncode == 0
    assert (root / "store.py").read_text() == STORE


def test_enter_takes_what_is_safe_and_leaves_what_is_not(review: Review, tree: Tree) -> None:
    """The default can be seen, and depends on the change."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root)
    person.press("\r", "\r", "\r")
    person.confirm("y")
    assert person.end() == 0
    assert "[Y/n/a/d/q/u/e/s/?]" in person.screen
    assert "[y/N/a/d/q/u/e/s/?]" in person.screen
    assert (root / "store.py").read_text() == STORE.replace("slow(1)", "fast(1)").replace("slow(3)", "fast(3)")


def test_enter_takes_a_hazard_that_is_accepted(review: Review, tree: Tree) -> None:
    """`--accept` makes a yes of the default."""
    root = tree({"store.py": STORE})
    person = review("--accept", "ACM001", "store.py", cwd=root)
    person.press("\r", "\r", "\r")
    person.confirm("y")
    assert person.end() == 0
    assert (root / "store.py").read_text() == STORE.replace("slow", "fast")


def test_the_last_question_is_answered_with_no_by_default(review: Review, tree: Tree) -> None:
    """Nothing is written unless somebody says so."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root)
    person.press("y", "y", "y")
    person.confirm("\r")
    assert person.end() == 0
    assert (root / "store.py").read_text() == STORE


def test_a_key_held_too_long_does_not_write(review: Review, tree: Tree) -> None:
    """What is typed ahead does not answer the last question."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root)
    person.until(PROMPT)
    person.child.send("yyyyyyyy")
    person.confirm("n")
    assert person.end() == 0
    assert (root / "store.py").read_text() == STORE


def test_a_decides_the_rest_of_the_codemod_and_says_so_before(review: Review, tree: Tree) -> None:
    """`a` takes unsafe changes, too, and the question says so."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root)
    assert "a and d decide 2 more changes of slow-to-fast, 1 of them unsafe (ACM001)" in person.press("a")
    assert "ACM001" in person.confirm("y")
    assert person.end() == 0
    assert (root / "store.py").read_text() == STORE.replace("slow", "fast")


def test_d_leaves_the_rest(review: Review, tree: Tree) -> None:
    """`d` leaves all that is left of the codemod."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root)
    person.press("y", "d")
    person.confirm("y")
    assert person.end() == 0
    assert (root / "store.py").read_text() == STORE.replace("slow(1)", "fast(1)")


def test_all_that_is_left_writes_nothing(review: Review, tree: Tree) -> None:
    """There is no last question where there is nothing to write."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root)
    person.press("d")
    assert person.end() == 0
    assert "nothing was accepted" in person.screen
    assert (root / "store.py").read_text() == STORE


def test_q_keeps_what_was_accepted(review: Review, tree: Tree) -> None:
    """`q` ends the questions, and loses none of the answers."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root)
    person.press("y", "q")
    assert "1 change accepted, 2 of this file left" in person.confirm("y")
    assert person.end() == 0
    assert (root / "store.py").read_text() == STORE.replace("slow(1)", "fast(1)")


def test_u_takes_back_one_answer_after_the_other(review: Review, tree: Tree) -> None:
    """`u` goes back as often as it is pressed, from the last question, too."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root)
    person.press("y", "y", "u", "u")
    assert "(1 of 3)" in person.press("u")
    assert "there is no answer to take back" in person.press("n")
    assert "(2 of 3)" in person.press("n")
    person.press("y")
    person.confirm("u")
    assert "(3 of 3)" in person.press("y")
    person.confirm("y")
    assert person.end() == 0
    assert (root / "store.py").read_text() == STORE.replace("slow(3)", "fast(3)")


def test_u_takes_back_all_that_one_key_decided(review: Review, tree: Tree) -> None:
    """What `a` decided at once is taken back at once."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root)
    person.press("n", "a")
    person.confirm("u")
    assert "(2 of 3)" in person.press("d")
    assert person.end() == 0
    assert (root / "store.py").read_text() == STORE


def test_s_shows_the_hazard_at_length(review: Review, tree: Tree) -> None:
    """`s` shows the page of each hazard, and where there is more."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root)
    person.press("n", "s")
    shown = person.press("q")
    assert "The call says that it is risky." in shown
    assert "hasten explain store.py:6" in shown
    assert person.end() == 0


def test_other_keys_show_the_help(review: Review, tree: Tree) -> None:
    """A key that means nothing is no answer."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root)
    person.press("x")
    assert "write the new text yourself, in $EDITOR" in person.press("\x1b[A")
    assert "write the new text yourself, in $EDITOR" in person.press("?")
    person.press("q")
    assert person.end() == 0


def test_a_review_goes_on_where_it_was_interrupted(review: Review, tree: Tree) -> None:
    """After Ctrl-C the answers are still there."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root)
    person.press("y", "n", "\x03")
    assert person.end() == 130
    assert "goes on after the last answer" in person.screen
    person = review("store.py", cwd=root)
    assert "going on after 2 answers from before" in person.press("y")
    person.confirm("y")
    assert person.end() == 0
    assert (root / "store.py").read_text() == STORE.replace("slow(1)", "fast(1)").replace("slow(3)", "fast(3)")


def test_a_review_that_was_killed_goes_on(review: Review, tree: Tree) -> None:
    """Answers are kept one by one."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root)
    person.press("y")
    person.until(PROMPT)
    person.child.kill(9)
    assert person.end() == -9
    person = review("store.py", cwd=root)
    assert "(2 of 3)" in person.press("d")
    person.confirm("y")
    assert person.end() == 0
    assert (root / "store.py").read_text() == STORE.replace("slow(1)", "fast(1)")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
def test_a_signal_leaves_a_terminal_that_shows_what_is_typed(
    review: Review, tree: Tree, number: signal.Signals
) -> None:
    """Whoever sends it, and the answers are still there."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root)
    before = termios.tcgetattr(person.child.child_fd)
    person.press("y")
    person.until(PROMPT)
    while termios.tcgetattr(person.child.child_fd) == before:
        time.sleep(0.01)  # it is about to wait for the key
    person.child.kill(number)
    person.child.expect("goes on after the last answer")
    assert termios.tcgetattr(person.child.child_fd) == before
    assert person.end() == 130


def test_a_file_that_is_changed_meanwhile_ends_the_review(review: Review, tree: Tree) -> None:
    """Nobody is asked about what cannot be answered with yes any more."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root)
    person.until(PROMPT)
    (root / "store.py").write_text(f"{STORE}\n")
    person.child.send("y")
    assert person.end() == 2
    assert "nothing is written, and `hasten review store.py` looks at it anew" in person.screen
    assert (root / "store.py").read_text() == f"{STORE}\n"


def test_a_review_of_a_file_that_was_changed_begins_anew(review: Review, tree: Tree) -> None:
    """Answers are about a text, and no other."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root)
    person.press("y", "\x03")
    assert person.end() == 130
    (root / "store.py").write_text(f"{STORE}\n")
    person = review("store.py", cwd=root)
    assert "(1 of 3)" in person.press("\x03")
    assert person.end() == 130


def test_a_file_that_changes_meanwhile_is_not_written(review: Review, tree: Tree) -> None:
    """What somebody wrote between question and answer stays."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root)
    person.press("y", "q")
    person.until(CONFIRM)
    (root / "store.py").write_text("mine = 1\n")
    person.child.send("y")
    assert person.end() == 2
    assert "changed since" in person.screen
    assert (root / "store.py").read_text() == "mine = 1\n"


def test_e_takes_what_was_written_in_the_editor(
    review: Review, tree: Tree, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """An edited hunk stays as it was written when more is accepted below it."""
    root = tree({"store.py": STORE})
    editor = _editor(tmp_path_factory.mktemp("editor"), "text = text.replace('fast(1)', 'fast(1, mine=True)')")
    person = review("store.py", cwd=root, environment=editor)
    person.press("e", "n", "y")
    shown = person.confirm("y")
    assert "2 changes accepted, 1 of them as you wrote it" in shown
    assert person.end() == 0
    expected = STORE.replace("slow(1)", "fast(1, mine=True)").replace("slow(3)", "fast(3)")
    assert (root / "store.py").read_text() == expected


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("text = text.replace('fast(1)', 'fast(1')", "this cannot be taken: line"),
        ("text = text.replace('# hasten', '# mine')", "is not there as it was"),
        ("text = ''", "nothing was written there"),
        ("sys.exit(3)", "set EDITOR to one that works"),
        ("import os; os.kill(os.getpid(), 9)", "set EDITOR to one that works"),
        ("import os; os.unlink(path); sys.exit()", "set EDITOR to one that works"),
        ("open(path, 'wb').write(text.replace('fast', 'f\\xe4st').encode('latin-1')); sys.exit()", "as UTF-8"),
        ("text = text.replace('fast(1)', '\\0')", "this cannot be taken: source code string cannot contain null"),
    ],
)
def test_what_the_editor_leaves_is_checked(
    review: Review, tree: Tree, tmp_path_factory: pytest.TempPathFactory, body: str, said: str
) -> None:
    """What does not compile, or cannot be put back, is not taken."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root, environment=_editor(tmp_path_factory.mktemp("editor"), body))
    person.press("e")
    assert said in " ".join(person.press("q").split())
    assert person.end() == 0
    assert (root / "store.py").read_text() == STORE


def test_answers_outlive_a_file_that_could_not_be_written(review: Review, tree: Tree) -> None:
    """They serve when it can be."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root)
    person.press("y", "n", "y")
    person.until(CONFIRM)
    (root / "store.py").unlink()
    person.child.send("y")
    assert person.end() == 2
    tree({"store.py": STORE})
    person = review("store.py", cwd=root)
    assert "going on after 3 answers" in person.confirm("y")
    assert person.end() == 0
    assert (root / "store.py").read_text() == STORE.replace("slow(1)", "fast(1)").replace("slow(3)", "fast(3)")


@pytest.mark.parametrize("editor", ["vi 'm", "   ", "/nothing/there"])
def test_an_editor_that_cannot_be_started(review: Review, tree: Tree, editor: str) -> None:
    """It is a setting to mend, and no answer."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root, environment={"EDITOR": editor, "VISUAL": ""})
    person.press("e")
    assert "set EDITOR to one that works" in " ".join(person.press("y").split())
    person.press("q")
    person.confirm("n")
    assert person.end() == 0


def test_what_was_written_of_another_text_is_not_given_again(
    review: Review, tree: Tree, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """After other answers before it, the lines are others."""
    root = tree({"store.py": STORE})
    editor = _editor(tmp_path_factory.mktemp("editor"), "text = text.replace('fast(', 'fast(\\n 0, ')")
    person = review("store.py", cwd=root, environment=editor)
    person.press("e", "n", "e")
    person.confirm("u")
    person.press("u", "u", "n", "n", "e")
    person.confirm("y")
    assert person.end() == 0
    assert (root / "store.py").read_text() == STORE.replace("slow(3)", "fast(\n 0, 3)")


def test_the_rest_does_not_write_over_what_was_written_in_the_editor(
    review: Review, tree: Tree, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Neither is lost in silence."""
    root = tree({"store.py": "x = slow(1)\ny = slow(2)\nz = slow(3)\n"})
    editor = _editor(tmp_path_factory.mktemp("editor"), "text = text.replace('slow(3)', 'mine(3)')")
    person = review("store.py", cwd=root, environment=editor)
    person.press("e", "a")
    assert "not all of it can be taken at once" in " ".join(person.press("y").split())
    assert "it rewrites lines that you wrote yourself" in person.press("n")
    person.confirm("y")
    assert person.end() == 0
    assert (root / "store.py").read_text() == "x = fast(1)\ny = fast(2)\nz = mine(3)\n"


def test_the_editor_is_given_again_what_could_not_be_taken(
    review: Review, tree: Tree, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nobody has to write anything twice."""
    root = tree({"store.py": STORE})
    mended = "text.replace('fast(1', 'fast(1, 2)') if 'broken(' in text"
    body = f"text = {mended} else text.replace('fast(1)', 'fast(1 #broken(')"
    person = review("store.py", cwd=root, environment=_editor(tmp_path_factory.mktemp("editor"), body))
    person.press("e")
    assert "cannot be taken" in person.press("e")
    person.press("q")
    person.confirm("y")
    assert person.end() == 0
    assert "fast(1, 2) #broken(" in (root / "store.py").read_text()


WAITING = {
    "pyproject.toml": "[project]\nname = 'app'\nversion = '1'\n",
    "app.py": """\
import asyncio

from waiting import pause


async def main():
    pause()
    await asyncio.gather(other())


async def other():
    pause()


asyncio.run(main())
""",
    "waiting.py": """\
import time


def pause():
    time.sleep(0.01)
""",
}


def test_what_is_only_right_together_is_taken_together(review: Review, tree: Tree) -> None:
    """The question names the other files, and a yes rewrites them."""
    root = tree(WAITING)
    person = review("--select", "sleep-to-asyncio", "waiting.py", cwd=root)
    shown = person.press("y")
    assert "y also takes" in shown
    assert "app.py (+2 -2)" in shown
    person.confirm("y")
    assert person.end() == 0
    assert "await asyncio.sleep(0.01)" in (root / "waiting.py").read_text()
    assert (root / "app.py").read_text().count("await pause()") == 2


def test_a_file_that_is_only_drawn_in_can_be_reviewed(review: Review, tree: Tree) -> None:
    """The change that makes others necessary is asked about in their file, too."""
    root = tree(WAITING)
    person = review("--select", "sleep-to-asyncio", "app.py", cwd=root)
    shown = person.press("y")
    assert "waiting.py:5" in shown
    assert "(1 of 1)" in shown
    person.confirm("y")
    assert person.end() == 0
    assert "await asyncio.sleep(0.01)" in (root / "waiting.py").read_text()


def test_what_was_awaited_has_to_be_awaited_after_the_editor(
    review: Review, tree: Tree, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """An `await` that is lost in the editor is noticed."""
    root = tree(WAITING)
    editor = _editor(tmp_path_factory.mktemp("editor"), "text = text.replace('await asyncio', 'asyncio')")
    person = review("--select", "sleep-to-asyncio", "waiting.py", cwd=root, environment=editor)
    person.press("e")
    assert "`asyncio.sleep(...)` was awaited, and is not any more" in " ".join(person.press("n").split())
    assert person.end() == 0
    assert "time.sleep" in (root / "waiting.py").read_text()


def test_no_colour_where_none_is_wanted(review: Review, tree: Tree) -> None:
    """`NO_COLOR` is heeded."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root, environment={"NO_COLOR": "1"})
    person.press("s", "y", "q")
    person.confirm("n")
    assert person.end() == 0
    assert "\x1b[3" not in person.screen.rpartition("\x1b[?25h")[2]


def test_a_narrow_terminal_breaks_lines_between_words(review: Review, tree: Tree) -> None:
    """No line that is not code is longer than the terminal is wide."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root, columns=30)
    person.press("n")
    shown = person.press("q")
    assert person.end() == 0
    told = [line for line in shown.splitlines() if not line.startswith((" ", "-", "+", "@"))]
    assert all(len(line) <= 30 for line in told)


def test_what_a_file_holds_cannot_speak_to_the_terminal(review: Review, tree: Tree) -> None:
    """Escape sequences and what turns the direction of text are spelled out."""
    root = tree({"store.py": 'def first():\n    return slow("\x1b]0;mine\x07\u202e")\n'})
    person = review("store.py", cwd=root)
    person.press("y")
    person.confirm("n")
    assert person.end() == 0
    assert "\x1b]0;" not in person.screen
    assert "\\x1b]0;mine\\x07\\u202e" in person.screen


def test_no_terminal_is_an_error_that_points_to_preview(hasten_command: Command, tree: Tree) -> None:
    """A pipe cannot answer."""
    root = tree({"store.py": STORE})
    done = hasten_command("review", "store.py", cwd=root)
    assert done.returncode == 2
    assert b"`hasten preview FILE` shows the same changes" in done.stderr
    assert (root / "store.py").read_text() == STORE


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("missing.py", "No such file"),
        (".", "is a directory"),
        ("-", "rewrites a file"),
        ("notes.txt", "nothing to ask about"),
        ("broken.py", "broken.py"),
    ],
)
def test_what_cannot_be_reviewed(review: Review, tree: Tree, given: str, said: str) -> None:
    """One line says why, and names the file."""
    root = tree({"store.py": STORE, "notes.txt": "", "broken.py": "def slow(:\n"})
    person = review(given, cwd=root)
    code = person.end()
    assert said in " ".join(person.screen.split())
    assert code == (0 if given == "notes.txt" else 2)


def test_uncommitted_changes_are_refused_before_the_first_question(
    review: Review, tree: Tree, hasten_command: Command
) -> None:
    """Nobody answers questions in vain."""
    root = tree({"store.py": STORE})
    subprocess.run(["git", "init", "-q"], cwd=root, env=hasten_command.environment, check=True)
    person = review("store.py", cwd=root)
    assert person.end() == 2
    assert "uncommitted changes in store.py" in person.screen
    assert "take this change" not in person.screen


def test_a_file_that_turns_into_a_folder_is_left(review: Review, tree: Tree) -> None:
    """What is no file any more is not written over."""
    root = tree({"store.py": STORE})
    person = review("store.py", cwd=root)
    person.press("a")
    person.until(CONFIRM)
    (root / "store.py").unlink()
    (root / "store.py").mkdir()
    person.child.send("y")
    assert person.end() == 2
    assert (root / "store.py").is_dir()
