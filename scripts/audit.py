"""Compares the locks' pins with published advisories (scripts/audit).

``pip-audit`` and ``npm audit`` are the sources. requirements/advisories.json names advisories of
releases that no lock pins: a source is believed only if it finds them.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).resolve().parents[1]
LOCK: Final = ROOT / "requirements" / "lock-embedded-test.txt"
ADVISORIES: Final = ROOT / "requirements" / "advisories.json"
NPM: Final = (
    "handlers/static/vendor",
    "miniprogram",
    "tests/browser",
    "tests/linters",
    "tests/oidc",
    "lab/lighthouse",
    "miniprogram/packer",
)
_PIN: Final = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.M)
_PIP_AUDIT: Final = ("tool", "run", "--quiet", "--from", "pip-audit==2.10.1", "pip-audit")


@dataclass(slots=True)
class Findings:
    """The result of an audit.

    ``vulnerable``: a line for each advisory. ``unasked``: a line for each pin that was not audited,
    or the reason why none was.
    """

    vulnerable: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)


def pins(lock: str) -> dict[str, str]:
    """The version of each package that the lock's text names."""
    return {canonicalize_name(name): version for name, version in _PIN.findall(lock)}


def advisory_lines(pinned: Mapping[str, str], advisories: Iterable[Mapping[str, str]]) -> list[str]:
    """One line for each pin that one of the given advisories names."""
    return [
        f"{a['package']} {pinned[a['package']]}: {a['id']} ({a['summary']}; {a['affected']})"
        for a in advisories
        if a["package"] in pinned and pinned[a["package"]] in SpecifierSet(a["affected"])
    ]


def judge(pinned: Mapping[str, str], report: Mapping[str, Any]) -> Findings:
    """The findings in pip-audit's JSON. A pin that it does not mention was not audited."""
    findings, audited = Findings(), set()
    for package in report.get("dependencies", ()):
        name = canonicalize_name(package["name"])
        if "skip_reason" in package:
            continue
        audited.add((name, package["version"]))
        for advisory in package["vulns"]:
            names = ", ".join([advisory["id"], *advisory.get("aliases", ())])
            fixed = ", ".join(advisory["fix_versions"]) or "no release yet"
            findings.vulnerable.append(f"{name} {package['version']}: {names} (fixed in {fixed})")
    findings.unasked = [f"{n} {v}" for n, v in pinned.items() if (n, v) not in audited]
    return findings


def control(advisories: Sequence[Mapping[str, str]], report: Mapping[str, Any]) -> list[str]:
    """The given advisories that pip-audit did not find when asked about their ``seen`` release."""
    reported = {
        name
        for package in report.get("dependencies", ())
        for advisory in package.get("vulns", ())
        for name in (advisory["id"], *advisory.get("aliases", ()))
    }
    return [f"{a['package']} {a['seen']}: {a['id']}" for a in advisories if a["id"] not in reported]


def judge_npm(report: Mapping[str, Any]) -> Findings:
    """The findings in the JSON of ``npm audit --json``. Without a list of vulnerabilities nothing
    was audited."""
    if "vulnerabilities" not in report:
        reason = str(report.get("message") or report.get("error") or "no answer")
        return Findings(unasked=[reason.splitlines()[0]])
    return Findings(
        [f"{name}: {v['severity']}" for name, v in sorted(report["vulnerabilities"].items())]
    )


def _report(command: Sequence[str]) -> dict[str, Any]:
    """The JSON that the command prints, whatever its exit status; empty if it prints none."""
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        said = json.loads(run.stdout)
    except ValueError:
        return {"message": (run.stderr.strip() or "no answer").splitlines()[-1]}
    return said if isinstance(said, dict) else {}


def _pip_audit(pinned: Mapping[str, str]) -> dict[str, Any]:
    # With hashes pip-audit takes the list without resolving it. It downloads no file.
    lines = [f"{name}=={version} --hash=sha256:{'0' * 64}\n" for name, version in pinned.items()]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.writelines(lines)
        file.flush()
        options = ("--disable-pip", "--require-hashes", "--format=json", "--progress-spinner=off")
        uv = str(Path(sys.executable).parent / "uv")
        return _report((uv, *_PIP_AUDIT, *options, "--requirement", file.name))


def main() -> int:
    """Prints the findings. Returns 0 only if every pin was audited, none is vulnerable, and the
    control advisories were found."""
    pinned = pins(LOCK.read_text(encoding="utf-8"))
    advisories = json.loads(ADVISORIES.read_text(encoding="utf-8"))
    findings = judge(pinned, _pip_audit(pinned))
    vulnerable = advisory_lines(pinned, advisories) + findings.vulnerable
    unasked = [f"PyPI: {line}" for line in findings.unasked]
    for advisory in advisories:
        report = _pip_audit({advisory["package"]: advisory["seen"]})
        unasked += [f"PyPI does not know {line}" for line in control([advisory], report)]
    for folder in NPM:
        of_npm = judge_npm(_report(("npm", "audit", "--json", "--prefix", folder)))
        vulnerable += [f"{folder}: {line}" for line in of_npm.vulnerable]
        unasked += [f"npm, {folder}: {line}" for line in of_npm.unasked]
    for line in vulnerable:
        print("vulnerable:", line)
    for line in unasked:
        print("not audited:", line)
    if vulnerable or unasked:
        print(f"{len(vulnerable)} advisories, {len(unasked)} not audited", file=sys.stderr)
        return 1
    print(f"{len(pinned)} Python packages and {len(NPM)} npm locks: no known advisory")
    return 0


if __name__ == "__main__":
    sys.exit(main())
