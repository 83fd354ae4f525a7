"""Debian programs and folders of npm packages that tests use beside .venv.

A test requests its tool when it needs it. ``scripts/test`` installs what is missing before a whole
run begins; plain pytest reports how to install it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
INSTALLS: Final = "TESTS_INSTALL"
"""The variable that lets this process install what is missing."""
PROGRAMS: Final = {
    # Chromium without the windows of a desktop, which cost more than most pages.
    "chromium": ("/usr/bin/chromium-headless-shell", "chromium-headless-shell"),
    "firefox": ("/usr/bin/firefox-esr", "firefox-esr"),
    "webkit": ("/usr/bin/WebKitWebDriver", "webkit2gtk-driver"),
    "xvfb": ("/usr/bin/Xvfb", "xvfb"),
    "fonts": ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", "fonts-wqy-microhei"),
    "age": ("/usr/bin/age", "age"),
    "node": ("node", "nodejs"),
    "npm": ("npm", "npm"),
    "nginx": ("/usr/sbin/nginx", "nginx"),
    "wrk": ("/usr/bin/wrk", "wrk"),
    "systemd-analyze": ("/usr/bin/systemd-analyze", "systemd"),
    "pipx": ("/usr/bin/pipx", "pipx"),
    "promtool": ("/usr/bin/promtool", "promtool"),
    "keepalived": ("/usr/sbin/keepalived", "keepalived"),
    "openssl": ("openssl", "openssl"),
    "docker-compose": ("/usr/bin/docker-compose", "docker-compose"),
    # One program checks a file or serves, by the name it is called with; the packages named after
    # the servers would also start one.
    "redis": ("/usr/bin/redis-check-rdb", "redis-tools"),
    "valkey": ("/usr/bin/valkey-check-rdb", "valkey-tools"),
    "mmdebstrap": ("/usr/bin/mmdebstrap", "mmdebstrap"),
    "buildah": ("/usr/bin/buildah", "buildah"),
    "podman": ("/usr/bin/podman", "podman"),
    "crun": ("/usr/bin/crun", "crun"),
}
"""By tool: the file that shows it, or the name to look for, and Debian's package."""
BEHAVIOUR: Final = ("chromium", "fonts", "node", "npm", "age")
"""The tools of ``scripts/test``; ``scripts/test --all`` uses all of them."""
OTHER_BROWSERS: Final = ("firefox", "webkit", "xvfb")
"""Where Debian has none of them, only their test fails."""
NPM_FOLDERS: Final = ("miniprogram", "tests/browser", "tests/linters", "tests/oidc")
PACKER: Final = "miniprogram/packer"
"""WeChat's own packer: large, and for one test of ``scripts/test --all``."""
_LONGEST_S: Final = 1200.0
_LOCK: Final = Path(tempfile.gettempdir()) / "tests-installation.lock"


class ToolMissing(Exception):
    """A tool is missing and may not be installed; the text says how to get it."""


def program(name: str) -> str:
    """The path of a program or font, installed if allowed. Raises: ToolMissing."""
    install([name])
    return _path(name)


def npm_folder(folder: str) -> Path:
    """A folder with its npm packages installed by its lock file. Raises: ToolMissing."""
    path = ROOT / folder
    if _is_stale(path):
        if not os.environ.get(INSTALLS):
            raise ToolMissing(f"packages are missing (npm ci --prefix {folder})")
        program("npm")
        with _alone():
            if _is_stale(path):
                # Only the oldest browser unpacks itself after its installation.
                scripts = (
                    () if folder in ("tests/browser", "miniprogram") else ("--ignore-scripts",)
                )
                quiet = ("--no-audit", "--no-fund", "--silent")
                _run(["npm", "ci", "--prefix", folder, *scripts, *quiet], f"npm ci in {folder}")
    return path


def install(names: Iterable[str]) -> None:
    """Installs the programs. Raises: ToolMissing."""
    packages = [PROGRAMS[name][1] for name in names if not _path(name)]
    if not packages:
        return
    command = f"apt-get install {' '.join(packages)}"
    if not os.environ.get(INSTALLS) or os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ToolMissing(f"missing (Debian: {command})")
    with _alone():
        _run(["apt-get", "update"], "apt-get update")
        _run(["apt-get", "install", "-y", "--no-install-recommends", *packages], command)


def _path(name: str) -> str:
    """The path of the program, or an empty string."""
    place = PROGRAMS[name][0]
    return shutil.which(place) or (place if os.path.exists(place) else "")


def _is_stale(folder: Path) -> bool:
    installed = folder / "node_modules" / ".package-lock.json"
    lock = folder / "package-lock.json"
    return not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime


@contextmanager
def _alone() -> Iterator[None]:
    """Lets one process install at a time."""
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command: list[str], what: str) -> None:
    try:
        done = _done(command)
    except subprocess.TimeoutExpired as late:
        raise ToolMissing(f"{what} had not ended after {late.timeout / 60:.0f} minutes") from late
    if done.returncode != 0:
        last = [*(done.stdout + done.stderr).strip().splitlines(), ""]
        raise ToolMissing(f"{what} failed: {last[-2] if len(last) > 1 else ''}")


def _done(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_LONGEST_S,
    )
