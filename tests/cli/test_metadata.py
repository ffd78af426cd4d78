"""Requirements files that are links, or that keep out what the new code needs."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Tree

ONLY = ("--select", "slow-to-fast")
NEEDS = "x = slow(1, needs=1)\n"


def test_code_is_held_back_where_its_requirements_lie_outside(hasten_command: Command, tree: Tree) -> None:
    """A link out of the root is not followed, and what would need the new requirement is not written."""
    root = tree({"root/a.py": NEEDS, "root/b.py": "x = slow(1)\n", "requirements": "attrs\n"}) / "root"
    (root / "pyproject.toml").touch()
    (root / "requirements.txt").symlink_to("../requirements")
    done = hasten_command("apply", *ONLY, cwd=root)
    assert done.returncode == 2
    assert b"requirements.txt: it leads out of" in done.stderr
    assert (root / "a.py").read_text(encoding="utf-8") == NEEDS
    assert (root / "b.py").read_text(encoding="utf-8") == "x = fast(1)\n"
    assert (root.parent / "requirements").read_text(encoding="utf-8") == "attrs\n"


def test_the_file_behind_a_link_is_edited(hasten_command: Command, tree: Tree) -> None:
    """The diff names the real file, so `git apply` takes it, and `apply` and `undo` keep the link."""
    root = tree({"a.py": NEEDS, "r/req": "attrs\n"})
    (root / "requirements.txt").symlink_to("r/req")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    diff = hasten_command("preview", *ONLY, cwd=root).stdout
    assert b"+++ b/r/req\n" in diff
    subprocess.run(["git", "apply", "--check"], cwd=root, input=diff, check=True)
    assert hasten_command("apply", *ONLY, "--allow-dirty", cwd=root).returncode == 0
    assert (root / "r/req").read_text(encoding="utf-8") == "acme-fast>=1.0\nattrs\n"
    assert hasten_command("undo", cwd=root).stderr == b"restored 2 files (run 1)\n"
    assert (root / "r/req").read_text(encoding="utf-8") == "attrs\n"
    assert (root / "requirements.txt").is_symlink()


def test_a_link_to_a_file_of_another_kind_is_left_to_the_person(hasten_command: Command, tree: Tree) -> None:
    """Its name does not tell how to edit it, and a diff cannot name the link: the place to add the line is told."""
    root = tree({"a.py": NEEDS, "shared/common.toml": '[project]\nname = "a"\nversion = "1"\n'})
    (root / "pyproject.toml").symlink_to("shared/common.toml")
    done = hasten_command("preview", *ONLY, cwd=root)
    assert done.returncode == 0
    assert b"a symbolic link to shared/common.toml; add it there by hand" in done.stderr
    assert b"common.toml" not in done.stdout
    assert b"+x = fast(1, needs=1)" in done.stdout


def test_a_pin_that_is_too_old_is_told(hasten_command: Command, tree: Tree) -> None:
    """What keeps the new requirement out is named, and not changed."""
    root = tree({"a.py": NEEDS, "requirements.txt": "acme-fast==0.9\n"})
    done = hasten_command("preview", *ONLY, cwd=root)
    assert b"requirements.txt" not in done.stdout
    assert "The file lists `acme-fast==0.9`, which keeps acme-fast>=1.0 out" in done.stderr.decode()
