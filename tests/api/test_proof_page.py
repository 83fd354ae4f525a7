"""/about/proof shows a result of the running code only, failures included."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import msgspec
import pytest

from handlers.http.keys import service_key
from miniapp_server.packaged_proof import proof_standing, running_commit
from miniapp_server.version import VERSION
from models.proof.entities import Proof, ProofPart, ProofStanding
from tests.api.browsing import Browser
from tests.living import living

HEAD = "a" * 40
GOOD = Proof(
    version="0.1.0",
    commit=HEAD,
    made_at=datetime(2026, 9, 7, 2, tzinfo=UTC),
    machine="2 cores",
    parts=(ProofPart("history", 300.0, {"operations": 51234, "acknowledged": 40000}),),
)
BAD = replace(GOOD, parts=(ProofPart("days", 9.0, {"days": 3}, ("seed 7: doubles: <x>",)),))
STANDINGS: dict[str, tuple[ProofStanding, list[str], list[str]]] = {
    "of this code": (ProofStanding("0.1.0", HEAD, GOOD), ["已验证", "51,234"], ["未验证"]),
    "failed": (
        ProofStanding("0.1.0", HEAD, BAD),
        ["有问题", "seed 7: doubles: &lt;x&gt;", "未通过"],
        ["已验证", "<x>"],
    ),
    "of another commit": (ProofStanding("0.1.0", "b" * 40, GOOD), ["未验证"], ["51,234", "已验证"]),
    "of another version": (ProofStanding("0.2.0", HEAD, GOOD), ["未验证"], ["51,234", "已验证"]),
    "of unknown code": (ProofStanding("0.1.0", "", GOOD), ["未验证"], ["51,234", "已验证"]),
    "none": (ProofStanding("0.1.0", HEAD), ["未验证", "还没有验证结果"], ["已验证"]),
}


@pytest.mark.whole
async def test_the_page_shows_the_result_in_each_standing(mongo_url: str, redis_url: str) -> None:
    async with living(mongo_url, redis_url) as service:
        for name, (standing, visible, hidden) in STANDINGS.items():
            service.app._state[service_key(ProofStanding)] = standing
            address = f"{service.base}/about/proof"
            async with aiohttp.ClientSession() as session, session.get(address) as response:
                assert response.status == 200
                text = await response.text()
            assert [word for word in visible if word not in text] == [], name
            assert [word for word in hidden if word in text] == [], name
            # Readers see what was tested; commands and commits are for whoever unfolds them.
            assert "scripts/prove" not in text.partition("<details>")[0], name
            assert HEAD[:12] not in text.partition("<details>")[0], name


async def test_the_readers_page_shows_the_running_version(mongo_url: str, redis_url: str) -> None:
    """The API version differs and changes more rarely."""
    async with living(mongo_url, redis_url) as service:
        page = await Browser(await service.web_reader()).get("/me")
        assert f"当前版本号 {VERSION}" in page.body


def test_a_packaged_proof_is_read_and_an_unreadable_one_ignored(tmp_path: Path) -> None:
    assert proof_standing(tmp_path / "proof.json").packaged is None
    file = tmp_path / "proof.json"
    file.write_bytes(msgspec.json.encode(GOOD))
    assert proof_standing(file).packaged == GOOD
    file.write_text(json.dumps({"version": 1}))
    assert proof_standing(file).packaged is None


@pytest.mark.parametrize("name", ["none", "changed"])
def test_changed_or_uncommitted_code_has_no_running_commit(tmp_path: Path, name: str) -> None:
    if name == "changed":
        file = tmp_path / "code.py"
        file.write_text("first")
        for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
            identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
            subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True)
        assert len(running_commit(tmp_path)) == 40
        file.write_text("second")
    assert running_commit(tmp_path) == ""
