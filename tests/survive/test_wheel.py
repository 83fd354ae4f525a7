"""Release files: built twice they are identical, and in a fresh environment they serve the demo.

The environment is pipx's own, of Debian's Python (3.13), with the wheels that the lock pins and
nothing that needs a compiler.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from scripts.build import build
from tests.living import free_port
from tests.survive.processes import call, gone, servers_of
from tests.survive.serving import ROOT, ready
from tests.tools import program
from tests.waiting import patience

PACKAGES: Final = {"bind", "handlers", "languages", "miniapp_server", "models", "notify"}
PYTHON: Final = "/usr/bin/python3"
"""Debian 13's."""
_IMPORT_ALL: Final = """
import pathlib, pkgutil, sys
assert sys.version_info[:2] == (3, 13), sys.version
for package in map(__import__, sys.argv[1:]):
    [folder] = package.__path__
    assert "site-packages" in folder, folder
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not found.name.endswith("__main__"):
            __import__(found.name)
    for file in pathlib.Path(folder).rglob("*.py"):
        compile(file.read_bytes(), file, "exec")
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """The sdist, the wheel and the constraints of this checkout."""
    sdist, wheel, constraints = build(tmp_path_factory.mktemp("built"))
    return sdist, wheel, constraints


@pytest.fixture(scope="module")
def installed(
    built: tuple[Path, Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The folder of ``seats`` in an environment with the wheel and its dependencies only."""
    folder = tmp_path_factory.mktemp("pipx")
    _, wheel, constraints = built
    env = os.environ | {
        "PIPX_HOME": str(folder / "home"),
        "PIPX_BIN_DIR": str(folder / "bin"),
        "PIPX_MAN_DIR": str(folder / "man"),
        "PIPX_DEFAULT_PYTHON": PYTHON,
        # Bytecode is made by what starts, and there is one start.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    version = wheel.name.split("-")[1]
    # Its own pip first: only newer ones than Debian's take hashes from a constraints file.
    for words in (
        ("upgrade-shared",),
        (
            "install",
            f"--pip-args=--no-compile --only-binary=:all: --constraint {constraints} "
            f"--find-links {wheel.parent}",
            f"library-seats[embedded]=={version}",
        ),
    ):
        done = subprocess.run([program("pipx"), *words], env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    yield folder / "bin"


def test_a_build_is_reproducible_in_another_folder_at_another_time(
    built: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    copy = tmp_path / "elsewhere"
    subprocess.run(["git", "clone", "-q", ROOT, copy], check=True)
    changed = subprocess.run(
        ["git", "-C", ROOT, "diff", "--binary", "HEAD"], capture_output=True, check=True
    ).stdout
    if changed:
        subprocess.run(["git", "-C", copy, "apply", "-"], input=changed, check=True)
    umask = os.umask(0o077)
    try:
        again = build(tmp_path / "again", copy)
    finally:
        os.umask(umask)
    assert [file.name for file in again] == [file.name for file in built]
    assert [file.read_bytes() for file in again] == [file.read_bytes() for file in built]


def test_sdist_and_wheel_contain_exactly_the_packages_files(built: tuple[Path, Path, Path]) -> None:
    sdist, wheel, constraints = built
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True, check=True
    ).stdout
    tracked = {name for name in listed.split("\0") if name and (ROOT / name).exists()}
    ours = {name for name in tracked if name.partition("/")[0] in PACKAGES}
    with zipfile.ZipFile(wheel) as packed:
        inside = {name for name in packed.namelist() if ".dist-info/" not in name}
    written = {"miniapp_server/commit.txt", "miniapp_server/proof.json"}
    assert inside - written == ours
    with tarfile.open(sdist) as archive:
        source = {member.name.partition("/")[2] for member in archive if member.isfile()}
    assert ours | {"LICENSE", "CHANGELOG.md", "requirements/lock.txt"} <= source
    assert "--hash=sha256:" in constraints.read_text("utf-8").split("library-seats==")[1]


def test_every_module_imports_under_debians_python(installed: Path) -> None:
    python = (installed / "seats").resolve().with_name("python")
    done = subprocess.run(
        [python, "-W", "error::SyntaxWarning", "-c", _IMPORT_ALL, *sorted(PACKAGES)],
        cwd="/",
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_proof_runs_from_an_unpacked_sdist(
    built: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    """One simulated day by ``scripts/prove``. The laboratory's tests are not in the sdist."""
    with tarfile.open(built[0]) as archive:
        archive.extractall(tmp_path, filter="data")
    [unpacked] = tmp_path.iterdir()
    assert os.access(unpacked / "scripts" / "prove", os.X_OK)
    assert not (unpacked / "lab" / "tests").exists()
    done = subprocess.run(
        [sys.executable, "-m", "lab.proof", "--seed", "1"],
        cwd=unpacked,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing was found" in done.stdout


async def test_the_demo_serves_requests_and_ends_by_ctrl_c(installed: Path, tmp_path: Path) -> None:
    port = free_port()
    process = await _seats(installed, tmp_path, "demo", PORT=str(port))
    try:
        base = f"http://127.0.0.1:{port}"
        await ready(base, process, 40)
        servers = servers_of(process)
        assert {server.name() for server in servers} >= {"mongod", "redis-server"}
        # It books a seat, uses it and gives it back.
        walk = await _seats(installed, tmp_path, "demo-walkthrough", "--url", base)
        out, err = await asyncio.wait_for(walk.communicate(), patience(60))
        assert walk.returncode == 0, err.decode()
        assert "reserves " in out.decode() and "finish" in out.decode()
        assert (await call(base, "GET", "/readyz"))["status"] == "ready"
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), patience(30))
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert (process.returncode, err.decode()) == (0, "")
    assert "Ctrl-C stops it." in out.decode() and (tmp_path / "var" / "keys").exists()
    await gone(servers)


async def _seats(folder: Path, cwd: Path, *words: str, **env: str) -> asyncio.subprocess.Process:
    """Runs the installed command in an unrelated folder."""
    return await asyncio.create_subprocess_exec(
        *(str(folder / "seats"), *words),
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "LOG_LEVEL": "ERROR", **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
