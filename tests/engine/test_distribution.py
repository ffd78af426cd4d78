"""What metadata say of a project as others see it."""

from __future__ import annotations

import pytest

from hasten.distribution import Distribution, distribution

_PRIVATE = '[project]\nname = "a"\nclassifiers = ["Private :: Do Not Upload"]\n'


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, Distribution()),
        ({"pyproject.toml": "[tool.ruff]\n"}, Distribution()),
        ({"pyproject.toml": "[project\n"}, Distribution()),
        ({"pyproject.toml": '[project]\nname = "a"\n'}, Distribution(shared=True)),
        ({"pyproject.toml": _PRIVATE}, Distribution()),
        ({"pyproject.toml": '[project]\nname = "a"\nrequires-python = ">=3.8"\n'}, Distribution(True, (3, 8))),
        ({"pyproject.toml": '[project]\nname = "a"\nrequires-python = ">3.8,<4"\n'}, Distribution(True, (3, 9))),
        (
            {"pyproject.toml": '[tool.poetry]\nname = "a"\n[tool.poetry.dependencies]\npython = "^3.10"\n'},
            Distribution(True, (3, 10)),
        ),
        (
            {"setup.cfg": "[metadata]\nname = a\n[options]\npython_requires = >=3.7\n"},
            Distribution(True, (3, 7)),
        ),
        ({"setup.cfg": "[flake8]\nmax-line-length = 100\n"}, Distribution()),
        ({"setup.cfg": "nonsense"}, Distribution()),
        ({"requirements.txt": "flask\n"}, Distribution()),
    ],
)
def test_distribution(files: dict[str, str], expected: Distribution) -> None:
    """Whether others may install it, and the oldest Python."""
    assert distribution(files, ["a.py"]) == expected


def test_setup_py() -> None:
    """Who has a `setup.py` is installed."""
    assert distribution({}, ["setup.py", "a.py"]).shared
