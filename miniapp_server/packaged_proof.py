"""The packaged result of scripts/prove, and which code it is that runs."""

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
"""Written by ``scripts/prove --package``; no part of the repository, since it names its commit."""
COMMIT: Final = Path(__file__).parent / "commit.txt"
"""Written into a wheel by ``scripts/build``: the commit that it was built of."""
_GIT_S: Final = 5.0


def proof_standing(packaged: Path = PACKAGED) -> ProofStanding:
    """The packaged result, if there is one that can be read, beside the code that runs."""
    found: Proof | None = None
    try:
        found = msgspec.json.decode(packaged.read_bytes(), type=Proof)
    except FileNotFoundError:
        pass
    except (OSError, msgspec.MsgspecError) as error:
        log.warning("proof_unreadable", extra={"file": str(packaged), "reason": str(error)})
    return ProofStanding(VERSION, _commit_at_start(), found)


@cache
def _commit_at_start() -> str:
    """The commit of what this process has loaded: Git is asked once, whatever is checked out
    later."""
    return running_commit()


def running_commit(root: Path = Path(__file__).parents[1]) -> str:
    """The commit of the wheel or checkout that runs; empty outside of both, and where tracked files
    differ."""
    built_of = root / COMMIT.relative_to(Path(__file__).parents[1])
    if built_of.exists():
        return built_of.read_text("utf-8").strip()
    try:
        # An environment inside somebody else's repository is none of its files.
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
