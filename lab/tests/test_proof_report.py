"""The reports of scripts/prove: failures are shown, and only a whole result can be packaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from lab.proof import __main__ as command
from models.proof.entities import Proof, ProofPart


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Replaces the parts by one that passes and one that fails. Returns the path of the packaged
    result."""

    def parts(say: Callable[[str], None]) -> ProofPart:
        return ProofPart("large_history", 1.0, {"calls": 1_000_000})

    def failing(say: Callable[[str], None]) -> ProofPart:
        return ProofPart("days", 2.0, {"days": 3}, ("seed 7: doubles: <seat>",))

    monkeypatch.setattr(command, "PARTS", {"large_history": parts, "days": failing})
    monkeypatch.setattr(command, "running_commit", lambda: "a" * 40)
    monkeypatch.setattr(command, "PACKAGED", tmp_path / "packaged.json")
    return tmp_path / "packaged.json"


def test_failures_are_written_and_make_the_status_1(packaged: Path, tmp_path: Path) -> None:
    assert command.main(["--to", str(tmp_path / "to"), "--package"]) == 1
    proof = msgspec.json.decode((tmp_path / "to" / "proof.json").read_bytes(), type=Proof)
    assert not proof.passed and proof.parts[1].failures == ("seed 7: doubles: <seat>",)
    page = (tmp_path / "to" / "proof.html").read_text(encoding="utf-8")
    assert "seed 7: doubles: &lt;seat&gt;" in page and "1,000,000" in page and "FAILED" in page
    assert msgspec.json.decode(packaged.read_bytes(), type=Proof) == proof, "failures too"


def test_a_partial_result_is_not_packaged(packaged: Path, tmp_path: Path) -> None:
    arguments = ["--only", "large_history", "--to", str(tmp_path / "to")]
    assert command.main(arguments) == 0
    assert command.main([*arguments, "--package"]) == 2 and not packaged.exists()


def test_a_result_without_a_commit_is_not_packaged(
    packaged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "running_commit", lambda: "")
    assert command.main(["--to", str(tmp_path / "to"), "--package"]) == 2
    assert not packaged.exists()
