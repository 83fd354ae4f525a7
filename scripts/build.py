"""Builds the sdist and the wheel of a commit (scripts/build): the same bytes on every machine.

The build backend that the lock pins runs in a clean export of the commit. Times are the commit's;
owners and modes are fixed (reproducible-builds.org/docs/source-date-epoch).
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from miniapp_server.packaged_proof import COMMIT, PACKAGED

ROOT: Final = Path(__file__).resolve().parents[1]
LOCK: Final = ROOT / "requirements" / "lock-embedded.txt"
CONSTRAINTS: Final = "constraints.txt"


def build(folder: Path, root: Path = ROOT) -> list[Path]:
    """Writes the sdist, the wheel and the constraints of ``root``'s checkout into ``folder``.

    If tracked files differ from the commit, the changed files are built, and the wheel names no
    commit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    changed = _git(root, *_AS_NOBODY, "stash", "create")
    epoch = int(_git(root, "log", "-1", "--format=%ct"))
    with tempfile.TemporaryDirectory() as work:
        tree = Path(work) / "tree"
        _export(root, changed or "HEAD", tree)
        if not changed:
            (tree / COMMIT.relative_to(ROOT)).write_text(_git(root, "rev-parse", "HEAD") + "\n")
        if (proof := root / PACKAGED.relative_to(ROOT)).exists():
            shutil.copy(proof, tree / PACKAGED.relative_to(ROOT))
        made = _backend(tree, "sdist", epoch)
        sdist = folder / made.name
        sdist.write_bytes(_same_for_everybody(made.read_bytes(), epoch))
        # Building the wheel from the sdist shows that the sdist is complete.
        with tarfile.open(sdist) as packed:
            packed.extractall(Path(work) / "unpacked", filter="data")
        [unpacked] = (Path(work) / "unpacked").iterdir()
        wheel = Path(shutil.copy(_backend(unpacked, "wheel", epoch), folder))
    constraints = folder / CONSTRAINTS
    name, version, *_ = wheel.name.split("-")
    constraints.write_text(
        f"{LOCK.read_text('utf-8')}{name.replace('_', '-')}=={version} \\\n"
        + " \\\n".join(f"    --hash=sha256:{_sha256(file)}" for file in (wheel, sdist))
        + "\n",
        encoding="utf-8",
    )
    return [sdist, wheel, constraints]


_AS_NOBODY: Final = ("-c", "user.name=build", "-c", "user.email=build@localhost")
"""The author that git demands for a stash."""


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.strip()


def _export(root: Path, commit: str, tree: Path) -> None:
    """The commit's files and nothing else."""
    packed = subprocess.run(
        ["git", "-C", str(root), "archive", commit], stdout=subprocess.PIPE, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(tree, filter="data")


def _backend(tree: Path, what: str, epoch: int) -> Path:
    """The file that the build backend makes of the folder (its PEP 517 hook)."""
    code = f"from setuptools.build_meta import build_{what} as make; make('made')"
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=tree,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)},
        stdout=subprocess.DEVNULL,
        check=True,
        umask=0o022,
    )
    [made] = (tree / "made").iterdir()
    return made


def _same_for_everybody(sdist: bytes, epoch: int) -> bytes:
    """The archive with sorted members and fixed times, owners and modes."""
    out = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(sdist)) as before,
        gzip.GzipFile(fileobj=out, mode="wb", mtime=epoch) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as after,
    ):
        for member in sorted(before, key=lambda member: member.name):
            same = tarfile.TarInfo(member.name)
            same.type, same.size, same.mtime = member.type, member.size, epoch
            same.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            after.addfile(same, before.extractfile(member))
    return out.getvalue()


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    for path in build(Path(sys.argv[1])):
        print(path)
