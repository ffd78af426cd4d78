"""What `docs/integrations.md` says to put into the files of other tools is what these tools take."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema
import pytest
import yaml  # type: ignore[import-untyped]  # what it gives is looked at as a whole
from tests import schemas

PAGE = Path(__file__).parents[1] / "docs" / "integrations.md"
SCHEMAS = {
    "pre-commit": "https://json.schemastore.org/pre-commit-config.json",
    "GitHub Actions": "https://json.schemastore.org/github-workflow.json",
    "GitLab": "https://gitlab.com/gitlab-org/gitlab/-/raw/master/app/assets/javascripts/editor/schema/ci.json",
}


def _blocks() -> list[tuple[str, str]]:
    """Return the YAML of the page, each with the heading that it stands below."""
    sections = re.split(r"^## (.+)\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [
        (heading, block)
        for heading, text in zip(sections[1::2], sections[2::2], strict=True)
        for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    ]


@pytest.mark.parametrize(("heading", "block"), _blocks(), ids=lambda each: each.partition("\n")[0][:20])
def test_yaml_follows_the_schema_of_its_tool(heading: str, block: str) -> None:
    """From a package that brings the schemas along."""
    schema = schemas.published(SCHEMAS[heading])
    validator = jsonschema.validators.validator_for(schema)
    # To YAML 1.1 `on` is a truth value, and to GitHub it is a word.
    document = {"on" if key is True else key: value for key, value in yaml.safe_load(block).items()}
    validator(schema).validate(document)


def test_every_tool_has_its_yaml() -> None:
    """None of it is passed over."""
    assert {heading for heading, _ in _blocks()} == set(SCHEMAS)
