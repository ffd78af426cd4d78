"""The command as a process of its own, on real trees, with a plugin of known findings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest

import hasten

_SOURCES = Path(hasten.__file__).parents[1]
_CODEMODS = _SOURCES.parent / "codemods"

PLUGIN = '''"""Call `fast` in place of `slow`.

For tests: what is found depends on the arguments of the call alone.
"""

from hasten.api import Applicability, Change, Code, Codemod, Hazard, Refusal, Span, TextEdit


class SlowToFast(Codemod):
    contract = "`fast` does what `slow` does."
    triggers = (b"slow",)
    codes = (
        Code("ACM001", "hazard", "a risky call", "The call says that it is risky.", "Take the argument out."),
        Code("ACM002", "hazard", "an odd call", "The call says that it is odd.", "Take the argument out."),
        Code("ACM101", "refusal", "nothing to work on", "The call has no argument.", "Give it one."),
    )

    def analyse(self, program, settings):
        for number, call in enumerate(program.calls_named("slow")):
            module = call.module
            if module.path not in program.targets:
                continue
            start = module.position(call.span.start)
            symbol = module.symbol(call.scope)
            if not call.arguments:
                yield Refusal(self.name, "ACM101", "give it an argument", module.path, start, symbol)
                continue
            words = {argument.keyword for argument in call.arguments}
            named = (("risky", "ACM001"), ("odd", "ACM002"))
            hazards = tuple(Hazard(code, f"it is {word}") for word, code in named if word in words)
            head = Span(0, 0), module.position(0), module.position(0)
            imported = (("alien", "acme_fast"), ("lost", "app.lost"))
            brought = [TextEdit(module.path, *head, f"import {name}\\n") for word, name in imported if word in words]
            if "beside" in words:
                brought.append(TextEdit(f"new{number}.py", *head, "fast = 1\\n", create=True))
            span = Span(call.span.start, call.span.start + 4)
            yield Change(
                id=str(number), codemod=self.name, title="call fast", symbol=symbol,
                applicability=Applicability.UNSAFE if hazards else Applicability.SAFE,
                edits=(*brought, TextEdit(module.path, span, start, module.position(span.end), "fast")),
                hazards=hazards,
                dependencies=("acme-fast>=1.0",) if "needs" in words else (),
            )

    def transformer(self):
        from hasten.api import Transformer

        return Transformer
'''


# Root may write anywhere as long as it has this capability; without it, it is bound by the mode bits of its own files.
_BOUND_BY_MODES = """
import ctypes, os, sys
assert ctypes.CDLL(None).prctl(24, 1, 0, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


@dataclass(frozen=True, slots=True)
class Command:
    """Runs `hasten` with the plugin `slow-to-fast`; journal and cache are the test's own."""

    environment: dict[str, str]

    def __call__(
        self, *arguments: str | Path, cwd: Path, text: bytes = b"", variables: Mapping[str, str] = MappingProxyType({})
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the command to its end."""
        return subprocess.run(
            self.line(*arguments),
            cwd=cwd,
            input=text,
            capture_output=True,
            check=False,
            env={**self.environment, **variables},
        )

    def line(self, *arguments: str | Path) -> Sequence[str]:
        """Return the command line."""
        return [sys.executable, "-m", "hasten", *map(str, arguments)]

    def bound(self, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[bytes]:
        """Run the command as somebody who may only write where mode bits say so."""
        line = [*([sys.executable, "-c", _BOUND_BY_MODES] if os.getuid() == 0 else []), *self.line(*arguments)]
        return subprocess.run(line, cwd=cwd, capture_output=True, check=False, env=self.environment)


@pytest.fixture(scope="session")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the plugin as an installer leaves it."""
    site = tmp_path_factory.mktemp("site")
    package = site / "acme_codemods"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "slow_to_fast.py").write_text(PLUGIN, encoding="utf-8")
    info = site / "acme_codemods-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-codemods\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[hasten.codemods]\nacme = acme_codemods\n", encoding="utf-8")
    return site


@pytest.fixture
def hasten_command(_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Return the command."""
    home = tmp_path_factory.mktemp("home")
    path = [str(_site), str(_SOURCES), str(_CODEMODS), os.environ.get("PYTHONPATH", "")]
    kept = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "FORCE_COLOR"}}
    return Command(
        kept
        | {
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
            "HASTEN_STATE_DIR": str(home / "state"),
            "HASTEN_CACHE_DIR": str(home / "cache"),
            "PYTHONWARNINGS": "error",
            "GIT_CONFIG_GLOBAL": os.devnull,
        }
    )


Tree = Callable[[Mapping[str, str | bytes]], Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Return a function that writes files below the test's directory, and returns that."""

    def write(files: Mapping[str, str | bytes]) -> Path:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path

    return write
