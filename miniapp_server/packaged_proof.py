"""The result of scripts/prove packaged with the service, and the commit of the running code."""

from __future__ import annotations

import logging
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from miniapp_server.version import VERSION
from models.proof.entities import Proof, ProofStanding

log = logging.getLogger(__name__)
PACKAGED: Final = Path(__file__).parent / "proof.json"
"""The file that ``scripts/prove --package`` writes; not committed, because it names a commit."""
COMMIT: Final = Path(__file__).parent / "commit.txt"
"""The commit that a wheel was built from, written by ``scripts/build``."""
_GIT_S: Final = 5.0


def proof_standing(packaged: Path = PACKAGED) -> ProofStanding:
    """The running version and commit, with the packaged result of scripts/prove. The result is
    None if it is missing or unreadable."""
    proof: Proof | None = None
    try:
        proof = msgspec.json.decode(packaged.read_bytes(), type=Proof)
    except FileNotFoundError:
        pass
    except (OSError, msgspec.MsgspecError) as error:
        log.warning("proof_unreadable", extra={"file": str(packaged), "reason": str(error)})
    return ProofStanding(VERSION, _commit_at_start(), proof)


@cache
def _commit_at_start() -> str:
    """The commit at this process's start, even if another commit is checked out later."""
    return running_commit()


def running_commit(root: Path = Path(__file__).parents[1]) -> str:
    """The commit of the running wheel or checkout. Empty if the code is in neither, or if
    tracked files of the checkout have changed."""
    built_of = root / COMMIT.relative_to(Path(__file__).parents[1])
    if built_of.exists():
        return built_of.read_text("utf-8").strip()
    try:
        # The package may be installed inside another repository, without being part of it.
        if Path(_git(root, "rev-parse", "--show-toplevel")) != root.resolve():
            return ""
        if _git(root, "status", "--porcelain", "--untracked-files=no"):
            return ""
        return _git(root, "rev-parse", "HEAD")
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments],
        capture_output=True,
        text=True,
        timeout=_GIT_S,
        check=True,
    )
    return done.stdout.strip()
