"""Applying and undoing: real files, real limits, and real processes that are killed half-way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hasten.apply import Applied, Undone, apply_changes, undo
from hasten.errors import JournalError, UsageError
from hasten.journal import journal_path, runs
from hasten.model import Changed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Rewrites every .py file below a directory, and reports what came of it as JSON.
APPLY = """
import json, os, sys
from pathlib import Path

import aiosqlite, asyncio, platformdirs, sqlite3
from hasten.apply import apply_changes, undo
from hasten.model import Changed

def new(path, data):
    return data.replace(b"old", os.environ.get("NEW", "new").encode())

root = Path(sys.argv[1])
if os.environ.get("FILL"):
    for name in ("a.py", "big.py", "c.py"):
        Path(root, name).write_bytes(b"old" * (10_000 if name == "big.py" else 1))
changed = []
for file in sorted(root.rglob("*.py")):
    data = file.read_bytes()
    changed.append(Changed(file.relative_to(root).as_posix(), data, new(file, data)))
print("ready", flush=True)
sys.stdin.readline()
if os.environ.get("AS_NOBODY") and os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
if os.environ.get("CHANGED"):
    with open(root / os.environ["CHANGED"], "ab") as file:
        file.write(b"changed")
applied = apply_changes(root, changed, b"{}", groups=[frozenset(os.environ.get("GROUP", "").split())])
print(json.dumps({
    "run": applied.run,
    "written": applied.written,
    "problems": [[problem.path, problem.kind, problem.message] for problem in applied.problems],
    "files": sorted(file.relative_to(root).as_posix() for file in root.rglob("*")),
    "old": sorted(file.relative_to(root).as_posix() for file in root.rglob("*.py") if b"old" in file.read_bytes()),
}))
"""


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep journals out of the home directory; child processes inherit the setting."""
    monkeypatch.setenv("HASTEN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty directory to apply in."""
    path = tmp_path / "root"
    path.mkdir()
    return path


def edit(root: Path, path: str, after: bytes) -> Changed:
    """Return the change of a file from what it is now."""
    return Changed(path, (root / path).read_bytes(), after)


def fill(root: Path, *paths: str) -> None:
    """Write files that each hold their own name and the word "old"."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode() + b"\r\nold\r\n")


def snapshot(root: Path) -> dict[str, bytes]:
    """Return all files below `root`, hidden ones included."""
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def namespace(script: str, argument: Path) -> list[str] | None:
    """Return what to put before a command so that `script` is done to `argument` for it alone, or None.

    It takes Linux, and the permission to mount: root's, or an ordinary user's in a namespace of its own.
    """
    for prefix in (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]):
        command = [*prefix, "sh", "-c", f'{script} && exec "$@"', str(argument)]
        if (
            shutil.which("unshare")
            and not subprocess.run([*command, "true"], capture_output=True, check=False).returncode
        ):
            return command
    return None


def apply_in_child(root: Path, prefix: Sequence[str] | None = None, **environment: str) -> dict[str, Any]:
    """Rewrite the files below `root` in another process, and return its report."""
    command = [*(prefix or ()), sys.executable, "-c", APPLY, str(root)]
    ran = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    report: dict[str, Any] = json.loads(ran.stdout.removeprefix("ready\n"))
    return report


def said(result: Applied | Undone) -> dict[str, tuple[str, str]]:
    """Return kind and message of each problem by path."""
    return {problem.path: (problem.kind, problem.message) for problem in result.problems}


def test_apply_and_undo(root: Path) -> None:
    """What is applied is on disk and nothing else is; undo brings all back byte for byte, once."""
    fill(root, "a.py", "pkg/b.py", "pkg/untouched.py")
    before = snapshot(root)
    changed = [
        edit(root, "pkg/b.py", b"new\n\xff"),
        edit(root, "a.py", b""),
        Changed("pkg/created.py", b"", b"fresh\n", created=True),
        Changed("pkg/empty.py", b"", b"", created=True),
        edit(root, "pkg/untouched.py", before["pkg/untouched.py"]),
    ]
    applied = apply_changes(root, changed, b"{}")
    assert applied == Applied(1, ("a.py", "pkg/b.py", "pkg/created.py", "pkg/empty.py"), ())
    after = {"a.py": b"", "pkg/b.py": b"new\n\xff", "pkg/created.py": b"fresh\n", "pkg/empty.py": b""}
    assert snapshot(root) == {**before, **after}
    assert [run.state for run in runs(root)] == ["done"]

    assert undo(root) == Undone(1, ("a.py", "pkg/b.py"), ("pkg/created.py", "pkg/empty.py"), ())
    assert snapshot(root) == before
    assert [run.state for run in runs(root)] == ["undone"]
    assert undo(root) == Undone(None, (), (), ())
    with pytest.raises(UsageError, match="run 1 is undone already"):
        undo(root, 1)
    with pytest.raises(UsageError, match="no run 7"):
        undo(root, 7)


def test_undo_steps_back_run_by_run(root: Path) -> None:
    """Each undo takes back the last run that is not undone."""
    fill(root, "a.py")
    first = (root / "a.py").read_bytes()
    for number in range(3):
        assert apply_changes(root, [edit(root, "a.py", b"%d" % number)], b"{}").run == number + 1
    assert [undo(root).run for _ in range(2)] == [3, 2]
    assert (root / "a.py").read_bytes() == b"0"
    assert undo(root, 1).restored == ("a.py",)
    assert (root / "a.py").read_bytes() == first


def test_undo_again_never_takes_an_older_run(root: Path) -> None:
    """A run that nothing could be given back of is not undone: undo comes back to it, not to the one before."""
    fill(root, "a.py", "b.py")
    for path in ("a.py", "b.py"):
        apply_changes(root, [edit(root, path, b"new")], b"{}")
    (root / "b.py").write_bytes(b"mine")
    for _ in range(2):
        undone = undo(root)
        assert (undone.run, undone.restored, list(said(undone))) == (2, (), ["b.py"])
        assert [run.state for run in runs(root)] == ["done", "done"]
    (root / "b.py").write_bytes(b"new")
    assert [undo(root).restored for _ in range(2)] == [("b.py",), ("a.py",)]


def test_undo_where_a_directory_is_by_now(root: Path) -> None:
    """The file cannot be given back there; what is said helps, and undo finds the run again."""
    fill(root, "a.py")
    apply_changes(root, [edit(root, "a.py", b"new")], b"{}")
    (root / "a.py").unlink()
    (root / "a.py").mkdir()
    remedy = "move that away, or put back what the run wrote and repeat `hasten undo 1`"
    assert said(undo(root)) == {"a.py": ("changed", f"a directory has taken its place since run 1; {remedy}")}
    (root / "a.py").rmdir()
    (root / "a.py").write_bytes(b"new")
    assert undo(root, 1).restored == ("a.py",)


def test_a_run_below_another_waits_for_its_turn(root: Path) -> None:
    """Naming a run that a later one covers undoes nothing, and leaves it to be undone after that one."""
    fill(root, "a.py")
    first = (root / "a.py").read_bytes()
    for content in (b"one", b"two"):
        apply_changes(root, [edit(root, "a.py", content)], b"{}")
    assert undo(root, 1).restored == ()
    assert [undo(root).run for _ in range(2)] == [2, 1]
    assert (root / "a.py").read_bytes() == first


def test_nothing_to_do(root: Path) -> None:
    """Without a change that changes something there is no run, and no journal is made."""
    fill(root, "a.py")
    assert apply_changes(root, [edit(root, "a.py", (root / "a.py").read_bytes())], b"{}") == Applied(None, (), ())
    assert apply_changes(root, [], b"{}") == Applied(None, (), ())
    assert undo(root) == Undone(None, (), (), ())
    assert not journal_path(root).exists()
    with pytest.raises(UsageError, match="no run 1"):
        undo(root, 1)


def test_a_path_given_twice(root: Path) -> None:
    """Two contents for one path are the caller's mistake, and nothing is written."""
    fill(root, "a.py")
    with pytest.raises(ValueError, match="twice"):
        apply_changes(root, [edit(root, "a.py", b"1"), edit(root, "a.py", b"2")], b"{}")
    assert b"old" in (root / "a.py").read_bytes()


def test_files_that_are_not_what_they_were(root: Path) -> None:
    """A file that was changed, removed or made since it was read is left as it is; the others are written."""
    fill(root, "changed.py", "directory.py", "fine.py", "removed.py")
    paths = ("changed.py", "directory.py", "fine.py", "removed.py")
    changed = [edit(root, path, b"new") for path in paths]
    changed += [
        Changed("made.py", b"", b"new", created=True),
        Changed("dangling.py", b"", b"new", created=True),
        Changed("no/where.py", b"", b"new", created=True),
    ]
    (root / "changed.py").write_bytes(b"mine")
    (root / "made.py").write_bytes(b"mine")
    (root / "dangling.py").symlink_to("nowhere.py")
    (root / "removed.py").unlink()
    (root / "directory.py").unlink()
    (root / "directory.py").mkdir()
    applied = apply_changes(root, changed, b"{}")
    assert applied.written == ("fine.py",)
    assert snapshot(root) == {"changed.py": b"mine", "fine.py": b"new", "made.py": b"mine"}
    assert {path: kind for path, (kind, _) in said(applied).items()} == {
        "changed.py": "changed",
        "dangling.py": "changed",
        "directory.py": "read",
        "made.py": "changed",
        "no/where.py": "write",
        "removed.py": "changed",
    }
    assert all(";" in message for _, message in said(applied).values())


def test_files_that_are_only_right_together(root: Path) -> None:
    """If one file of a group fails its check, no file that is tied to it, however indirectly, is written."""
    fill(root, "a.py", "b.py", "c.py", "d.py", "e.py", "f.py")
    changed = [edit(root, f"{name}.py", b"new") for name in "abcdef"]
    groups = [frozenset({"a.py", "b.py"}), frozenset({"b.py", "c.py"}), frozenset({"d.py", "e.py"})]
    (root / "c.py").write_bytes(b"mine")
    applied = apply_changes(root, changed, b"{}", groups=groups)
    assert applied.written == ("d.py", "e.py", "f.py")
    assert {path: content for path, content in snapshot(root).items() if path < "d"} == {
        "a.py": b"a.py\r\nold\r\n",
        "b.py": b"b.py\r\nold\r\n",
        "c.py": b"mine",
    }
    problems = said(applied)
    assert list(problems) == ["a.py", "b.py", "c.py"]
    assert {kind for kind, _ in problems.values()} == {"changed"}
    assert "together with c.py" in problems["a.py"][1]


def test_a_group_that_changes_while_it_is_written(root: Path) -> None:
    """If one file of a group changes after all were checked, none of them is replaced."""
    paths = [f"m{number:03}.py" for number in range(100)]
    fill(root, *paths)
    before = snapshot(root)
    changed = [edit(root, path, b"new") for path in paths]

    def meddle() -> None:
        while not any(root.glob(".hasten-*")):
            pass
        (root / paths[-1]).write_bytes(b"mine")

    with ThreadPoolExecutor(1) as pool:
        meddling = pool.submit(meddle)
        applied = apply_changes(root, changed, b"{}", groups=[frozenset(paths)])
        meddling.result(60)
    assert applied.run is None
    assert applied.written == ()
    assert [problem.path for problem in applied.problems] == paths
    assert snapshot(root) == {**before, paths[-1]: b"mine"}
    assert runs(root) == ()


def test_a_group_that_fails_while_it_is_written(root: Path) -> None:
    """If one file of a group cannot be replaced, those that were replaced before it get their old content back."""
    fill(root, "a.py", "pkg/b.py", "stuck.py", "z.py")
    before = snapshot(root)
    # A mount point can be written to, but nothing can be renamed over it.
    prefix = namespace('mount --bind "$0" "$0"', root / "stuck.py")
    report = apply_in_child(root, prefix, GROUP="a.py pkg/b.py stuck.py", CHANGED="" if prefix else "stuck.py")
    assert report["written"] == ["z.py"]
    assert [path for path, _, _ in report["problems"]] == ["a.py", "pkg/b.py", "stuck.py"]
    assert "together with stuck.py" in report["problems"][0][2]
    now = snapshot(root)
    assert now.pop("stuck.py") == before.pop("stuck.py") + (b"" if prefix else b"changed")
    assert now == {**before, "z.py": b"z.py\r\nnew\r\n"}
    assert undo(root).restored == ("z.py",)


def test_status_is_kept(root: Path) -> None:
    """Mode bits and owner survive apply and undo; a created file gets what the umask leaves."""
    fill(root, "script.py", "secret.py")
    (root / "script.py").chmod(0o755)
    (root / "secret.py").chmod(0o600)
    if os.geteuid() == 0:
        os.chown(root / "secret.py", 65534, 65534)
    status = {path: (root / path).stat() for path in ("script.py", "secret.py")}
    changed = [edit(root, path, b"new") for path in status]
    umask = os.umask(0o027)
    try:
        assert apply_changes(root, [*changed, Changed("made.py", b"", b"x", created=True)], b"{}").problems == ()
    finally:
        os.umask(umask)
    assert (root / "made.py").stat().st_mode & 0o7777 == 0o640

    def same() -> bool:
        now = {path: (root / path).stat() for path in status}
        return all(
            (now[path].st_mode, now[path].st_uid, now[path].st_gid) == (old.st_mode, old.st_uid, old.st_gid)
            for path, old in status.items()
        )

    assert same()
    assert undo(root).problems == ()
    assert same()


def test_python_sees_each_version(root: Path) -> None:
    """A compiled copy never outlives its source, even when versions of one size follow each other within a second."""
    command = [sys.executable, "-c", "import module; print(module.value)"]
    (root / "module.py").write_bytes(b"value = 0\n")

    def value() -> bytes:
        environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return subprocess.run(command, cwd=root, env=environment, capture_output=True, check=True).stdout.strip()

    assert value() == b"0"
    for number in (1, 2, 3):
        apply_changes(root, [edit(root, "module.py", b"value = %d\n" % number)], b"{}")
        assert value() == b"%d" % number
    for number in (2, 1, 0):
        undo(root)
        assert value() == b"%d" % number


def test_links(root: Path, tmp_path: Path) -> None:
    """A link stays a link and its target is replaced; a link out of the root is not followed."""
    fill(root, "pkg/real.py")
    fill(tmp_path, "outside.py")
    (root / "link.py").symlink_to("pkg/real.py")
    (root / "out.py").symlink_to("../outside.py")
    applied = apply_changes(root, [edit(root, "link.py", b"new"), edit(root, "out.py", b"new")], b"{}")
    assert applied.written == ("link.py",)
    assert said(applied)["out.py"][0] == "write"
    assert (root / "link.py").readlink() == Path("pkg/real.py")
    assert (root / "pkg/real.py").read_bytes() == b"new"
    assert b"old" in (tmp_path / "outside.py").read_bytes()
    assert undo(root).restored == ("link.py",)
    assert (root / "link.py").is_symlink()
    assert b"old" in (root / "pkg/real.py").read_bytes()


@pytest.mark.parametrize("after", [b"same", b"other"])
def test_two_names_of_one_file(root: Path, after: bytes) -> None:
    """A file that is changed under two names is written once, and not at all if the changes differ."""
    fill(root, "real.py")
    (root / "link.py").symlink_to("real.py")
    before = snapshot(root)
    applied = apply_changes(root, [edit(root, "real.py", b"same"), edit(root, "link.py", after)], b"{}")
    if after == b"same":
        assert applied == Applied(1, ("link.py", "real.py"), ())
        assert (root / "real.py").read_bytes() == b"same"
        undo(root)
    else:
        assert applied.written == ()
        assert {path: kind for path, (kind, _) in said(applied).items()} == {"link.py": "write", "real.py": "write"}
    assert snapshot(root) == before


def test_undo_leaves_later_work_alone(root: Path) -> None:
    """Files that were changed or removed after the run are left and reported; naming the run again retries them."""
    fill(root, "fine.py", "edited.py", "removed.py")
    changed = [edit(root, path, b"new") for path in ("fine.py", "edited.py", "removed.py")]
    changed += [Changed(f"made{number}.py", b"", b"new", created=True) for number in range(3)]
    apply_changes(root, changed, b"{}")
    (root / "edited.py").write_bytes(b"mine")
    (root / "made1.py").write_bytes(b"mine")
    (root / "made2.py").unlink()
    (root / "removed.py").unlink()
    undone = undo(root)
    assert (undone.restored, undone.removed) == (("fine.py",), ("made0.py",))
    assert {path: kind for path, (kind, _) in said(undone).items()} == {
        "edited.py": "changed",
        "made1.py": "changed",
        "removed.py": "changed",
    }
    assert "`hasten undo 1`" in said(undone)["edited.py"][1]
    assert snapshot(root) == {"fine.py": b"fine.py\r\nold\r\n", "edited.py": b"mine", "made1.py": b"mine"}
    assert undo(root).run is None

    (root / "edited.py").write_bytes(b"new")
    assert undo(root, 1).restored == ("edited.py",)
    assert (root / "edited.py").read_bytes() == b"edited.py\r\nold\r\n"


def test_without_a_journal_nothing_is_written(root: Path, tmp_path: Path) -> None:
    """If the before-images cannot be recorded, no file is touched."""
    fill(root, "a.py")
    before = snapshot(root)
    (tmp_path / "state").write_bytes(b"a file where the directory should be")
    with pytest.raises(JournalError):
        apply_changes(root, [edit(root, "a.py", b"new")], b"{}")
    assert snapshot(root) == before


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory that an ordinary user can enter and write in, whoever runs the tests."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        fill(path / "root", "fine.py", "readonly.py", "closed/a.py")
        (path / "state").mkdir()
        yield path
        (path / "root/closed").chmod(0o755)


def test_missing_permission(shared: Path) -> None:
    """A read-only file, and a file in a read-only directory, are reported and left; the others are written."""
    root = shared / "root"
    if os.geteuid() == 0:
        for file in (shared, *shared.rglob("*")):
            os.chown(file, 65534, 65534)
    (root / "readonly.py").chmod(0o444)
    (root / "closed").chmod(0o555)
    before = snapshot(root)
    report = apply_in_child(root, AS_NOBODY="1", HASTEN_STATE_DIR=str(shared / "state"))
    assert report["written"] == ["fine.py"]
    assert report["problems"] == [
        ["closed/a.py", "write", "its directory is read-only; make it writable, and try again"],
        ["readonly.py", "write", "it is read-only; make it writable, and try again"],
    ]
    assert snapshot(root) == {**before, "fine.py": b"fine.py\r\nnew\r\n"}


def test_disk_full(tmp_path: Path) -> None:
    """A file for which there is no space is named and stays old; nothing is left of the attempt; others are written."""
    mount = tmp_path / "disk"
    mount.mkdir()
    # Where nothing can be mounted, a limit on the size of a file, high enough for the journal.
    prefix = namespace('mount -t tmpfs -o size=64k none "$0"', mount)
    command = prefix or ["sh", "-c", 'ulimit -f 512 && exec "$@"', "sh"]
    report = apply_in_child(mount, command, FILL="1", NEW="n" * (30 if prefix else 300))
    assert report["written"] == ["a.py", "c.py"]
    assert report["old"] == ["big.py"]
    assert report["files"] == ["a.py", "big.py", "c.py"]
    ((path, kind, text),) = report["problems"]
    assert (path, kind) == ("big.py", "write")
    assert text.startswith("the disk has no space left for big.py;" if prefix else "big.py would be larger")


FILES = tuple(f"pkg{number % 7}/m{number:03}.py" for number in range(200))


def start(root: Path) -> subprocess.Popen[bytes]:
    """Start a process that has read all files, and rewrites them once its standard input has a line or is closed."""
    command = [sys.executable, "-c", APPLY, str(root)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    return child


def release(child: subprocess.Popen[bytes]) -> None:
    """Let a process that was started go on."""
    assert child.stdin is not None
    child.stdin.write(b"\n")
    child.stdin.flush()


def wait_for(child: subprocess.Popen[bytes], root: Path, path: str | None) -> None:
    """Wait until `path` is new, or until there is a journal where it is None, or the child has ended."""
    deadline = time.monotonic() + 60
    while child.poll() is None and time.monotonic() < deadline:
        if journal_path(root).exists() if path is None else b"new" in (root / path).read_bytes():
            return


def whole(root: Path, paths: Sequence[str]) -> int:
    """Check that each file is all old or all new, and return how many are new."""
    new = 0
    for path in paths:
        content = (root / path).read_bytes()
        assert content in {path.encode() + b"\r\nold\r\n", path.encode() + b"\r\nnew\r\n"}
        new += b"new" in content
    return new


def test_kill(root: Path) -> None:
    """Killed at whatever moment, a run leaves every file whole, and undo brings all back and removes its traces."""
    fill(root, *FILES)
    before = snapshot(root)
    ordered = sorted(FILES)
    counts = []
    for moment in (None, 0, 1, 5, 40, 77, 120, 160, 190, 199):
        with start(root) as child:
            release(child)
            wait_for(child, root, None if moment is None else ordered[moment])
            child.kill()
        counts.append(whole(root, FILES))
        if runs(root) and runs(root)[0].state == "started":
            # Half-way, a new run can still be started, and undone on its own.
            undone = undo(root)
            assert len(undone.restored) == counts[-1]
            assert undone.problems == ()
            assert runs(root)[0].state == "undone"
        else:
            undo(root)
        assert snapshot(root) == before
    assert any(0 < count < len(FILES) for count in counts)


def test_kill_during_undo(root: Path) -> None:
    """An undo that is killed leaves every file whole, and a second one finishes it."""
    fill(root, *FILES)
    before = snapshot(root)
    script = "import sys; from pathlib import Path; from hasten.apply import undo; undo(Path(sys.argv[1]))"
    # A fast disk and a busy machine can let the undo end before it is killed; then once more, and earlier.
    for moment in (60, 20, 5, 0, 0, 0):
        with start(root) as child:
            child.communicate(timeout=60)
        assert whole(root, FILES) == len(FILES)
        with subprocess.Popen([sys.executable, "-c", script, str(root)]) as child:
            while child.poll() is None and b"new" in (root / sorted(FILES)[moment]).read_bytes():
                pass
            child.kill()
        left = whole(root, FILES)
        undone = undo(root)
        assert undone.problems == ()
        assert len(undone.restored) == left
        assert snapshot(root) == before
        if 0 < left < len(FILES):
            return
    pytest.fail("no undo was killed half-way")


def test_interrupt(root: Path) -> None:
    """Ctrl-C ends a run between two files: each is whole, no temporary file is left, and undo brings all back."""
    fill(root, *FILES)
    before = snapshot(root)
    for moment in (30, 10, 3, 0, 0, 0):
        with start(root) as child:
            release(child)
            wait_for(child, root, sorted(FILES)[moment])
            child.send_signal(signal.SIGINT)
            _, stderr = child.communicate(timeout=60)
        new = whole(root, FILES)
        assert set(snapshot(root)) == set(before)
        assert undo(root).problems == ()
        assert snapshot(root) == before
        if 0 < new < len(FILES):
            assert child.returncode != 0
            assert b"KeyboardInterrupt" in stderr
            return
    pytest.fail("no run was interrupted half-way")


def test_two_runs_take_turns(root: Path) -> None:
    """Of two processes that apply at once, each file is written by one, and every refusal is reported."""
    fill(root, *FILES[:40])
    before = snapshot(root)
    children = [start(root) for _ in range(2)]
    for child in children:
        release(child)
    reports = []
    for child in children:
        output, _ = child.communicate(timeout=60)
        reports.append(json.loads(output))
    assert whole(root, FILES[:40]) == 40
    assert sorted(path for report in reports for path in report["written"]) == sorted(FILES[:40])
    assert sorted(path for report in reports for path, _, _ in report["problems"]) == sorted(FILES[:40])
    while undo(root).run is not None:
        pass
    assert snapshot(root) == before
