"""GitHub workflows are valid, have minimal permissions, and call existing scripts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
BIN = Path(sys.executable).parent


def checked(*words: str | Path) -> None:
    done = subprocess.run([BIN / words[0], *words[1:]], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.whole
@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.dependabot", [GITHUB / "dependabot.yml"]),
    ],
)
def test_github_files_match_their_schemas(schema: str, files: list[Path]) -> None:
    checked("check-jsonschema", "--builtin-schema", schema, *files)


def test_workflows_pin_actions_and_have_minimal_permissions() -> None:
    checked("zizmor", "--offline", "--no-progress", "--quiet", GITHUB)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_scripts_called_by_workflows_exist(file: Path) -> None:
    text = file.read_text("utf-8")
    called = set(re.findall(r"(?<![\w/])(?:scripts|\.ci)/[\w-]+", text))
    assert called
    for script in called:
        assert os.access(ROOT / script, os.R_OK), script
        assert script == ".ci/run" or os.access(ROOT / script, os.X_OK), script
