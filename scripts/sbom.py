"""Writes the bill of materials of a release (scripts/sbom): every package that the locks pin.

The scope of a package is ``required`` at run time, ``optional`` for the demo's databases, or
``excluded`` for tests and tools. Of npm's packages a release contains only those of which
scripts/vendor makes scripts for pages; all others are tools of the build and the tests.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from miniapp_server.version import NAME, VERSION

ROOT: Final = Path(__file__).resolve().parents[1]
VENDORED: Final = ROOT / "handlers" / "static" / "vendor"
LOCKS: Final[Mapping[str, ComponentScope]] = {
    "lock-embedded-test.txt": ComponentScope.EXCLUDED,
    "lock-embedded.txt": ComponentScope.OPTIONAL,
    "lock.txt": ComponentScope.REQUIRED,
}
"""The scope of each lock's packages, the widest lock first: narrower ones override it."""
_PIN: Final = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)(?P<rest>.*\n(?:    .*\n)*)", re.MULTILINE
)
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_VIA: Final = re.compile(r"^    #(?: via|  ) ([\w.-]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pin:
    """A line of a lock; ``via`` are the packages that ask for it, where the lock says so."""

    name: str
    version: str
    hashes: tuple[str, ...]
    via: tuple[str, ...]


def pins(lock: str) -> Iterator[Pin]:
    """The pins in the lock's text."""
    for match in _PIN.finditer(lock):
        rest = match["rest"]
        yield Pin(match["name"], match["version"], (*_HASH.findall(rest),), (*_VIA.findall(rest),))


def bill() -> Bom:
    """The bill of materials of the checked-out commit."""
    release = Component(
        name=NAME,
        version=VERSION,
        type=ComponentType.APPLICATION,
        bom_ref=NAME,
        purl=PackageURL("pypi", name=NAME, version=VERSION),
        licenses=[LicenseExpression("Apache-2.0")],
    )
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"pypi:{NAME}@{VERSION}"))
    bom.metadata.component, bom.metadata.timestamp = release, _of_the_commit()
    locks = {
        scope: {pin.name: pin for pin in pins((ROOT / "requirements" / file).read_text("utf-8"))}
        for file, scope in LOCKS.items()
    }
    scopes = {name: scope for scope, pinned in locks.items() for name in pinned}
    all_pins = locks[ComponentScope.EXCLUDED]
    parts = {NAME: release} | {name: _component(all_pins[name], scopes[name]) for name in all_pins}
    bom.components.update(parts[name] for name in all_pins)
    vendored = [*_vendored()]
    bom.components.update(vendored)
    for asking, component in parts.items():
        dependencies = [parts[pin.name] for pin in all_pins.values() if asking in pin.via]
        bom.register_dependency(component, dependencies + (vendored if asking == NAME else []))
    return bom


def _component(pin: Pin, scope: ComponentScope) -> Component:
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(f"https://pypi.org/simple/{pin.name}/"),
        comment="one hash for each file that the lock takes",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in pin.hashes],
    )
    return Component(
        name=pin.name,
        version=pin.version,
        bom_ref=pin.name,
        scope=scope,
        purl=PackageURL("pypi", name=pin.name, version=pin.version),
        external_references=[files],
    )


def _vendored() -> Iterator[Component]:
    """npm's packages that scripts/vendor builds into a script."""
    locked = json.loads((VENDORED / "package-lock.json").read_text("utf-8"))["packages"]
    for name in locked[""]["dependencies"]:
        package = locked[f"node_modules/{name}"]
        digest = base64.b64decode(package["integrity"].removeprefix("sha512-")).hex()
        file = ExternalReference(
            type=ExternalReferenceType.DISTRIBUTION,
            url=XsUri(f"https://www.npmjs.com/package/{name}"),
            hashes=[HashType(alg=HashAlgorithm.SHA_512, content=digest)],
        )
        yield Component(
            name=name,
            version=package["version"],
            bom_ref=f"npm:{name}",
            scope=ComponentScope.REQUIRED,
            purl=PackageURL("npm", name=name, version=package["version"]),
            licenses=[LicenseExpression(package["license"].strip("()"))],
            external_references=[file],
        )


def _of_the_commit() -> datetime:
    seconds = subprocess.run(
        ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"],
        capture_output=True,
        text=True,
        check=True,
    )
    return datetime.fromtimestamp(int(seconds.stdout), UTC)


def write(file: Path) -> None:
    """Writes the file, replacing it. One commit always gives the same bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(JsonV1Dot6(bill()).output_as_string(indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
