"""Which files a run takes: git's own rules, compared with git, and the ones of this program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hasten.discover import discover, find_root
from hasten.errors import UsageError
from hasten.model import Notice


def _tree(root: Path, files: dict[str, str] | list[str]) -> Path:
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[name] if isinstance(files, dict) else "", encoding="utf-8")
    return root.resolve()


def _targets(root: Path, *named: str, exclude: tuple[str, ...] = ()) -> list[str]:
    return list(discover([root / name for name in named], root=root, exclude=exclude).targets)


@pytest.mark.parametrize(
    "hidden",
    [
        ".git/hooks/a.py",
        ".hg/a.py",
        ".venv/lib/a.py",
        ".tox/py/a.py",
        ".nox/a.py",
        "node_modules/x/a.py",
        "build/lib/a.py",
        "dist/a.py",
        "__pypackages__/a.py",
        ".eggs/a.py",
        "x.egg-info/a.py",
        "lib/site-packages/a.py",
        "pkg/__pycache__/a.py",
        ".mypy_cache/a.py",
        ".ruff_cache/a.py",
        ".pytest_cache/a.py",
    ],
)
def test_directories_of_tools_are_skipped(tmp_path: Path, hidden: str) -> None:
    """What tools and installers put below a project is neither rewritten nor read, at any depth."""
    root = _tree(tmp_path, [hidden, f"deep/er/{hidden}", "kept.py"])
    found = discover([root], root=root)
    assert (found.targets, found.context) == (("kept.py",), ())


def test_a_virtual_environment_is_known_by_what_it_holds(tmp_path: Path) -> None:
    """Directories named venv or env are skipped only where they are virtual environments; so is one of any name."""
    files = [
        "venv/pyvenv.cfg",
        "venv/a.py",
        "env/bin/activate",
        "env/a.py",
        "mine/pyvenv.cfg",
        "mine/a.py",
        "x/venv/b.py",
        "x/env/c.py",
    ]
    assert _targets(_tree(tmp_path, files)) == ["x/env/c.py", "x/venv/b.py"]


def test_a_package_named_build_is_no_build_output(tmp_path: Path) -> None:
    """A directory named build or dist that is a package is taken."""
    assert _targets(_tree(tmp_path, ["src/build/__init__.py", "src/build/a.py", "build/b.py"])) == [
        "src/build/__init__.py",
        "src/build/a.py",
    ]


def test_only_python_files_are_taken_unless_named(tmp_path: Path) -> None:
    """A walk takes *.py alone; a file that is named is taken whatever it is called."""
    root = _tree(tmp_path, ["a.py", "b.pyi", "script", "c.txt", "d.PY"])
    assert _targets(root) == ["a.py"]
    assert _targets(root, "script", "b.pyi") == ["b.pyi", "script"]


def test_the_program_around_the_targets_is_context(tmp_path: Path) -> None:
    """Targets and context are sorted, without repetition, and have no file in common."""
    root = _tree(tmp_path, ["setup.py", "pkg/a.py", "pkg/b.py", "pkg/sub/c.py", "other.py"])
    found = discover([root / "pkg/sub", root / "pkg/b.py", root / "pkg/sub/c.py"], root=root)
    assert found.targets == ("pkg/b.py", "pkg/sub/c.py")
    assert found.context == ("other.py", "pkg/a.py", "setup.py")


def test_around_paths_of_no_program_nothing_is_read(tmp_path: Path) -> None:
    """Where nothing marks a root, it may be a home directory or `/`: only what is named is looked at."""
    root = _tree(tmp_path, ["s.py", "other.py", "pkg/a.py", "pkg/b.py", "deep/er/c.py"])
    found = discover([root / "s.py"], root=root)
    assert (found.targets, found.context) == (("s.py",), ())
    found = discover([root / "s.py", root / "pkg"], root=root, exclude=["b.py"])
    assert (found.targets, found.context) == (("pkg/a.py", "s.py"), ("pkg/b.py",))
    assert _targets(root) == ["deep/er/c.py", "other.py", "pkg/a.py", "pkg/b.py", "s.py"]
    far = discover([root / "s.py", Path("/dev/null")], root=Path("/"))
    assert (far.targets, far.context) == ((root.relative_to("/").as_posix() + "/s.py",), ())


def test_excluded_files_are_still_evidence(tmp_path: Path) -> None:
    """What is excluded is not rewritten, but read, also where it is named."""
    root = _tree(tmp_path, ["a.py", "migrations/b.py", "migrations/sub/c.py", "x/gen_d.py"])
    exclude = ("migrations", "gen_*.py")
    found = discover([root], root=root, exclude=exclude)
    assert found.targets == ("a.py",)
    assert found.context == ("migrations/b.py", "migrations/sub/c.py", "x/gen_d.py")
    for named in ("x/gen_d.py", "migrations", "migrations/sub", "migrations/sub/c.py"):
        found = discover([root / named], root=root, exclude=exclude)
        assert found.targets == ()
        assert found.notices == (Notice(named, 0, "is excluded, and not rewritten"),)
    assert _targets(root, "x", exclude=exclude) == []


def test_an_exclude_pattern_that_cannot_be_understood_is_an_error(tmp_path: Path) -> None:
    """A pattern that git would pass over is an error where a person gave it."""
    with pytest.raises(UsageError, match="cannot be understood"):
        discover([], root=tmp_path, exclude=("!",))


def test_ignore_files_hold_without_a_repository(tmp_path: Path) -> None:
    """`.gitignore` files count by themselves: nested, with negations, the deepest first."""
    root = _tree(
        tmp_path,
        {".gitignore": "gen/\n*_pb2.py\n", "a.py": "", "gen/b.py": "", "x_pb2.py": "",
         "sub/.gitignore": "!y_pb2.py\nlocal.py\n",
         "sub/y_pb2.py": "", "sub/z_pb2.py": "", "sub/local.py": "", "local.py": ""},
    )  # fmt: skip
    assert _targets(root) == ["a.py", "local.py", "sub/y_pb2.py"]


def test_a_named_path_is_taken_though_it_is_ignored(tmp_path: Path) -> None:
    """Rules that would hide a named file or directory are set aside; those about what is inside hold."""
    root = _tree(
        tmp_path,
        {
            ".gitignore": "gen/\n",
            "gen/b.py": "",
            "gen/.gitignore": "c.py\n",
            "gen/c.py": "",
            "gen/deep/d.py": "",
            "node_modules/e.py": "",
        },
    )
    assert _targets(root) == []
    assert _targets(root, "gen/c.py") == ["gen/c.py"]
    assert _targets(root, "gen") == ["gen/b.py", "gen/deep/d.py"]
    assert _targets(root, "gen/deep") == ["gen/deep/d.py"]
    assert _targets(root, "node_modules") == ["node_modules/e.py"]


def test_rules_from_above_the_root_hold(tmp_path: Path) -> None:
    """In a part of a repository, the rules of the repository around it count, `.git/info/exclude` among them."""
    top = _tree(
        tmp_path,
        {".gitignore": "/part/gen\n*.tmp.py\n", "part/.gitignore": "/own.py\n", "part/gen/a.py": "",
         "part/b.tmp.py": "",
         "part/own.py": "", "part/local.py": "", "part/c.py": ""},
    )  # fmt: skip
    subprocess.run(["git", "init", "-q", top], check=True)
    (top / ".git/info/exclude").write_text("part/local.py\n", encoding="utf-8")
    assert _targets(top / "part") == ["c.py"]
    assert _targets(top, "part") == ["part/c.py"]


def test_exclude_file_of_a_linked_work_tree_holds(tmp_path: Path) -> None:
    """In a linked work tree, where `.git` is a file, the repository's `info/exclude` is found."""
    top = _tree(tmp_path, ["main/a.py"])
    git = ["git", "-C", str(top / "main"), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "init", "-q", top / "main"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "x"], check=True)
    subprocess.run([*git, "worktree", "add", "-q", "../linked"], check=True)
    (top / "main/.git/info/exclude").write_text("local.py\n", encoding="utf-8")
    _tree(top / "linked", ["local.py"])
    assert _targets(top / "linked") == ["a.py"]


def test_symbolic_links_are_not_followed(tmp_path: Path) -> None:
    """A link out of the root is no part of it, a loop ends, and a file has one name."""
    root = _tree(tmp_path, ["root/pkg/a.py", "outside/b.py"]) / "root"
    (root / "out").symlink_to("../outside")
    (root / "out.py").symlink_to("../outside/b.py")
    (root / "pkg/loop").symlink_to("..")
    (root / "again").symlink_to("pkg")
    (root / "again.py").symlink_to("pkg/a.py")
    (root / "broken.py").symlink_to("nowhere.py")
    assert _targets(root) == ["pkg/a.py"]
    assert _targets(root, "again") == ["pkg/a.py"]
    assert _targets(root, "again.py") == ["pkg/a.py"]
    with pytest.raises(UsageError, match="is outside of"):
        discover([root / "out"], root=root)


def test_a_missing_path_is_a_problem_and_the_others_go_on(tmp_path: Path) -> None:
    """A path that is not there, or is no file, is reported beside what was found."""
    root = _tree(tmp_path, ["a.py"])
    os.mkfifo(root / "pipe.py")
    found = discover([root / "a.py", root / "no.py", root / "pipe.py"], root=root)
    assert found.targets == ("a.py",)
    assert [(problem.path, problem.kind, problem.message) for problem in found.problems] == [
        ("no.py", "read", "No such file or directory"),
        ("pipe.py", "read", "is not a regular file"),
    ]


_AS_NOBODY = """
import os, sys
from pathlib import Path
from hasten.discover import discover, is_skipped
os.setgid(65534); os.setuid(65534)
found = discover([Path(name) for name in sys.argv[2:]], root=Path(sys.argv[1]))
assert not is_skipped(sys.argv[1], "closed")
print(*found.targets, "|", *[p.path + " " + p.message for p in found.problems], "|", *[n.path for n in found.notices])
"""


def test_a_directory_that_cannot_be_listed_is_a_problem(tmp_path: Path) -> None:
    """Where a person asked for it, an unreadable directory is a problem; around it, it is a notice."""
    root = _tree(tmp_path, ["setup.cfg", "pkg/a.py", "pkg/closed/b.py", "closed/c.py"])
    for directory in (root, *root.parents[:-2]):
        directory.chmod(directory.stat().st_mode | 0o055)
    # Root may list anything, so the walk is made by somebody who is not root.
    dropped = _AS_NOBODY if os.getuid() == 0 else _AS_NOBODY.replace("os.setgid(65534); os.setuid(65534)", "")
    closed = [root / "pkg/closed", root / "closed"]
    for directory in closed:
        directory.chmod(0)
    try:
        done = subprocess.run(
            [sys.executable, "-c", dropped, root, root / "pkg"], capture_output=True, text=True, check=True
        )
    finally:
        for directory in closed:
            directory.chmod(0o755)
    assert done.stdout == "pkg/a.py | pkg/closed cannot be listed: Permission denied | closed\n"


def test_file_names_that_are_no_text_are_found(tmp_path: Path) -> None:
    """A name of undecodable bytes, one with a newline and one with a space are names like any other."""
    root = tmp_path.resolve()
    for name in (b"caf\xe9.py", b"new\nline.py", b"a b.py"):
        (root / os.fsdecode(name)).touch()
    assert [os.fsencode(path) for path in _targets(root)] == [b"a b.py", b"caf\xe9.py", b"new\nline.py"]


_SEGMENTS = st.sampled_from(["a", "b", "src", "x.py", "*", "**", "*.py", "s*", "?", "[ab]", "x*", "a*"])
_PATTERNS = st.builds(
    lambda negated, anchored, segments, closed: negated + anchored + "/".join(segments) + closed,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/"]),
    st.lists(_SEGMENTS, min_size=1, max_size=3),
    st.sampled_from(["", "", "/"]),
)
_FILES = st.lists(
    st.builds(
        lambda folders, name: "/".join([*folders, name]),
        st.lists(st.sampled_from(["a", "b", "src"]), max_size=3),
        st.sampled_from(["x.py", "y.py", "zz.py"]),
    ),
    min_size=1,
    max_size=10,
    unique=True,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    files=_FILES,
    outer=st.lists(_PATTERNS, max_size=4),
    inner=st.lists(_PATTERNS, max_size=3),
    private=st.lists(_PATTERNS, max_size=2),
)
def test_git_takes_the_same_files(
    tmp_path_factory: pytest.TempPathFactory, files: list[str], outer: list[str], inner: list[str], private: list[str]
) -> None:
    """For any patterns in any of the three places, the files found are those that git does not ignore."""
    root = _tree(tmp_path_factory.mktemp("tree"), files)
    subprocess.run(["git", "init", "-q", root], check=True)
    (root / ".gitignore").write_text("\n".join(outer), encoding="utf-8")
    (root / files[0]).with_name(".gitignore").write_text("\n".join(inner), encoding="utf-8")
    (root / ".git/info/exclude").write_text("\n".join(private), encoding="utf-8")
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard", "-z", "*.py"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert _targets(root) == sorted(filter(None, listed.stdout.split("\0")))


@pytest.mark.parametrize(
    ("files", "named", "expected"),
    [
        pytest.param({"a/b/c.py": ""}, ["a/b/c.py"], "a/b", id="nothing: the parent of the file"),
        pytest.param({"a/b/c.py": "", "a/d/e.py": ""}, ["a/b/c.py", "a/d"], "a", id="nothing: the common parent"),
        pytest.param({"a/setup.py": "", "a/b/c.py": ""}, ["a/b"], "a", id="setup.py"),
        pytest.param({"a/setup.cfg": "", "a/b/c.py": ""}, ["a/b"], "a", id="setup.cfg"),
        pytest.param({"a/pyproject.toml": "", "a/b/c.py": ""}, ["a/b/c.py"], "a", id="pyproject.toml"),
        pytest.param(
            {".git/x": "", "a/pyproject.toml": "", "a/b/c.py": ""}, ["a/b"], ".", id="a repository before a package"
        ),
        pytest.param({".hg/x": "", "a/setup.py": "", "a/b/c.py": ""}, ["a/b"], ".", id="mercurial too"),
        pytest.param({"x/.git": "gitdir: y", "x/a/c.py": ""}, ["x/a"], "x", id="a work tree whose .git is a file"),
        pytest.param(
            {".git/x": "", "a/pyproject.toml": "[tool.hasten]\n", "a/b/c.py": ""},
            ["a/b"],
            "a",
            id="a configured part of a repository",
        ),
        pytest.param(
            {"pyproject.toml": "[tool.hasten]\n", "a/pyproject.toml": "", "a/b/c.py": ""},
            ["a/b"],
            ".",
            id="a configured tree",
        ),
        pytest.param(
            {"pyproject.toml": "[tool.hasten]\nbroken", "a/pyproject.toml": "", "a/b.py": ""},
            ["a"],
            ".",
            id="a broken configuration",
        ),
        pytest.param({"a/b/c.py": ""}, ["a/b/none.py", "a/b/no/where.py"], "a/b", id="paths that are not there"),
    ],
)
def test_root_of_a_program(tmp_path: Path, files: dict[str, str], named: list[str], expected: str) -> None:
    """The root is the nearest repository or configured directory, then the nearest package, then the common parent."""
    top = _tree(tmp_path, files)
    assert find_root([Path(name) for name in named], top) == (top / expected).resolve()
