"""Installed packages are pinned with hashes, and advisories against them are noticed."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tomllib
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from handlers.http.static_files import asset_url
from languages.catalogue import LANGUAGES
from scripts.audit import ADVISORIES, LOCK, advisory_lines, control, judge, judge_npm, pins
from tests.tools import program

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("extras", [(), ("embedded",), ("embedded", "test")])
def test_a_lock_pins_every_requirement_of_setup_cfg_with_hashes(extras: tuple[str, ...]) -> None:
    """Run scripts/lock if this fails."""
    text = LOCK.with_name("-".join(("lock", *extras)) + ".txt").read_text(encoding="utf-8")
    pinned, widest = pins(text), pins(LOCK.read_text(encoding="utf-8"))
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    requirements = [setup["options"]["install_requires"]]
    requirements += [setup["options.extras_require"][extra] for extra in extras]
    lines = [line for text in requirements for line in text.splitlines() if line and line[0] != "#"]
    with (ROOT / "pyproject.toml").open("rb") as file:
        lines += tomllib.load(file)["build-system"]["requires"]
    assert len(lines) > 10
    for requirement in map(Requirement, lines):
        version = pinned.get(canonicalize_name(requirement.name), "")
        assert version in requirement.specifier, f"{requirement}: run scripts/lock"
    assert pinned.items() <= widest.items()
    entries = re.findall(r"^\S.*==.*(?:\n +--hash=sha256:[0-9a-f]{64}.*)*", text, re.M)
    assert len(entries) == len(pinned) and all("--hash=" in entry for entry in entries)


def test_a_release_named_by_an_advisory_is_found() -> None:
    advisories = json.loads(ADVISORIES.read_text(encoding="utf-8"))
    now = LOCK.read_text(encoding="utf-8")
    assert advisory_lines(pins(now), advisories) == []
    old = re.sub(r"^aiohttp==\S+", "aiohttp==3.14.1", now, flags=re.M)
    (finding,) = advisory_lines(pins(old), advisories)
    assert finding.startswith("aiohttp 3.14.1: GHSA-mfx4-hv73-q22v")


OLD = {"name": "aiohttp", "version": "3.14.1"}
SMUGGLING = {"id": "PYSEC-2026-1", "aliases": ["GHSA-mfx4-hv73-q22v"], "fix_versions": ["3.14.2"]}


@pytest.mark.parametrize(
    ("dependencies", "vulnerable", "unasked", "unknown"),
    [
        ([OLD | {"vulns": []}], 0, [], 1),
        ([OLD | {"vulns": [SMUGGLING]}], 1, [], 0),
        ([{"name": "aiohttp", "skip_reason": "not found on PyPI"}], 0, ["aiohttp 3.14.1"], 1),
        ([OLD | {"version": "3.14.5", "vulns": []}], 0, ["aiohttp 3.14.1"], 1),
        ([], 0, ["aiohttp 3.14.1"], 1),
    ],
)
def test_packages_missing_from_the_audit_are_reported(
    dependencies: list[dict[str, Any]], vulnerable: int, unasked: list[str], unknown: int
) -> None:
    report = {"dependencies": dependencies}
    findings = judge({"aiohttp": "3.14.1"}, report)
    assert (len(findings.vulnerable), findings.unasked) == (vulnerable, unasked)
    advisories = json.loads(ADVISORIES.read_text(encoding="utf-8"))
    assert len(control(advisories, report)) == unknown


@pytest.mark.parametrize(
    ("report", "vulnerable", "unasked"),
    [
        ({"vulnerabilities": {}}, [], []),
        ({"vulnerabilities": {"axe-core": {"severity": "high"}}}, ["axe-core: high"], []),
        ({"message": "405 Method Not Allowed"}, [], ["405 Method Not Allowed"]),
        ({}, [], ["no answer"]),
    ],
)
def test_npm_advisories_are_judged_too(
    report: dict[str, Any], vulnerable: list[str], unasked: list[str]
) -> None:
    findings = judge_npm(report)
    assert (findings.vulnerable, findings.unasked) == (vulnerable, unasked)


VENDORED = ROOT / "handlers" / "static" / "vendor"


def test_a_vendored_script_is_the_one_built_from_the_lock_and_reaches_pages_unchanged() -> None:
    """Run scripts/vendor if this fails."""
    lock = json.loads((VENDORED / "package-lock.json").read_text("utf-8"))["packages"]
    scripts = [path.name for path in VENDORED.glob("*.js")]
    sums = [line.split() for line in (VENDORED / "SHA256SUMS").read_text("utf-8").splitlines()]
    assert [name for _, name in sums] == scripts == ["qr.js"]
    for digest, name in sums:
        content = (VENDORED / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
        version = lock[f"node_modules/{name.removesuffix('.js')}"]["version"]
        assert f" {version} (" in content.decode().splitlines()[0], "the version of the lock"
        urls = {asset_url(name, language) for language in LANGUAGES.values()}
        assert urls == {f"/static/qr.{digest[:10]}.js"}


@pytest.mark.whole
def test_the_vendored_script_is_built_again_byte_by_byte(tmp_path: Path) -> None:
    program("npm")
    subprocess.run([ROOT / "scripts" / "vendor", tmp_path], check=True)
    for name in ("qr.js", "SHA256SUMS"):
        assert (tmp_path / name).read_bytes() == (VENDORED / name).read_bytes()
