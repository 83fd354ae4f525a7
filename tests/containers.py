"""Containers of a test: Debian by mmdebstrap, an image by buildah, run by podman and crun.

They live in a mount namespace of their own with their storage in memory: nothing remains on the
machine even if a test is killed.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from miniapp_server.child_process import die_with_parent
from miniapp_server.clock import real_now
from tests.tools import install

_DEBIAN: Final = ("mmdebstrap", "--quiet", "--variant=minbase", "trixie")
_NAMESPACE: Final = """
mount -t tmpfs -o mode=0700 tmpfs "$1"
# crun refuses a machine that has cgroups of both kinds.
if [ -d /sys/fs/cgroup/unified ]; then
    umount -R /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
echo ready
exec sleep infinity
"""
_RUN: Final = (
    *("run", "--network=host", "--read-only", "--read-only-tmpfs=false", "--tmpfs=/tmp"),
    *("--cap-drop=all", "--security-opt=no-new-privileges"),
    # Without systemd there is nobody to make a group, or to ask for the health by a timer.
    *("--cgroups=disabled", "--health-interval=disable"),
)


class CommandFailed(Exception):
    """A command ended with a status other than 0; the text is its output."""


class Containers:
    """The container commands on one storage; made by ``containers``."""

    def __init__(self, folder: Path, namespace: int) -> None:
        self._storage = folder / "storage"
        self._certificates = folder / "certificates"
        self._namespace = namespace

    async def build(self, context: Path, tag: str, target: str = "", **arguments: str) -> str:
        """Builds the Containerfile of a folder on Debian, completely or to ``target``. Returns
        buildah's output."""
        install(["buildah", "podman", "crun", "mmdebstrap"])
        base = "localhost/debian"
        if not await self.podman("images", "--quiet", base):
            await self.podman("import", "--quiet", str(await _debian()), base)
        limits = {
            "nofile": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
            "nproc": resource.getrlimit(resource.RLIMIT_NPROC)[1],
        }
        return await self._output(
            *("buildah", *self._places, "build", "--format=docker", "--layers"),
            *("--isolation=chroot", "--network=host", f"--tag={tag}", f"--build-arg=BASE={base}"),
            *(f"--build-arg={name}={value}" for name, value in arguments.items()),
            *([f"--target={target}"] if target else []),
            # Those of buildah may be more than the machine allows.
            *(f"--ulimit={name}={most}:{most}" for name, most in limits.items() if most > 0),
            *self._own_certificates(),
            str(context),
        )

    async def podman(self, *words: str) -> str:
        """The output of a command. Raises: CommandFailed"""
        return await self._output(*self._podman(*words))

    async def run(
        self, *words: str, entrypoint: str = "seats", volumes: Sequence[tuple[Path, str]] = ()
    ) -> str:
        """The output of a container that ends by itself and can write to /tmp and volumes only.
        ``words`` are the image and its command. Raises: CommandFailed"""
        mounts = (f"--volume={here}:{there}" for here, there in volumes)
        return await self.podman(*_RUN, "--rm", *mounts, f"--entrypoint={entrypoint}", *words)

    async def start(self, name: str, *words: str) -> asyncio.subprocess.Process:
        """Starts a container as ``run`` does, with its output in a pipe."""
        command = self._inside(self._podman(*_RUN, f"--name={name}", *words))
        return await asyncio.create_subprocess_exec(
            *die_with_parent(command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    @property
    def _places(self) -> tuple[str, ...]:
        return f"--root={self._storage / 'root'}", f"--runroot={self._storage / 'run'}"

    def _podman(self, *words: str) -> list[str]:
        return ["podman", *self._places, "--cgroup-manager=cgroupfs", *words]

    def _inside(self, command: Sequence[str]) -> list[str]:
        own = f"TMPDIR={self._storage}", "PODMAN_IGNORE_CGROUPSV1_WARNING=1"
        namespace = f"--mount=/proc/{self._namespace}/ns/mnt"
        return ["/usr/bin/nsenter", namespace, "env", *own, *command]

    async def _output(self, *command: str) -> str:
        return await _output(self._inside(command))

    def _own_certificates(self) -> Sequence[str]:
        """Adds the CA of a proxy through which this machine reaches the package index."""
        certificate = os.environ.get("PIP_CERT")
        if not certificate:
            return ()
        self._certificates.mkdir(exist_ok=True)
        shutil.copy(certificate, self._certificates / "ca.crt")
        # A folder that every base has: a new one would stay in the image.
        place = f"--volume={self._certificates}:/mnt:ro"
        return place, "--env=PIP_CERT=/mnt/ca.crt", "--unsetenv=PIP_CERT"


@asynccontextmanager
async def containers(folder: Path) -> AsyncIterator[Containers]:
    """Raises: CommandFailed if no namespace can be made, which needs root."""
    storage = folder / "storage"
    storage.mkdir()
    namespace = await asyncio.create_subprocess_exec(
        *die_with_parent(
            ["/usr/bin/unshare", "--mount", "sh", "-ec", _NAMESPACE, "sh", str(storage)]
        ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert namespace.stdout is not None
        if await namespace.stdout.readline() != b"ready\n":
            raise CommandFailed("no mount namespace (only root can make one)")
        machine = Containers(folder, namespace.pid)
        try:
            yield machine
        finally:
            await machine.podman("rm", "--all", "--force", "--time=0")
    finally:
        if namespace.returncode is None:
            namespace.terminate()
        await namespace.wait()


async def _debian() -> Path:
    """The archive of a Debian file system, rebuilt each week."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seats-tests"
    cache.mkdir(parents=True, exist_ok=True)
    year, week, _ = real_now().isocalendar()
    key = hashlib.sha256(" ".join(_DEBIAN).encode()).hexdigest()[:8]
    archive = cache / f"debian-{key}-{year}-{week}.tar"
    if not archive.exists():
        for old in cache.glob("debian-*.tar"):
            old.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as unfinished:
            made = Path(unfinished) / archive.name
            await _output((*_DEBIAN, str(made)))
            made.rename(archive)
    return archive


async def _output(command: Sequence[str]) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    said = out.decode(errors="replace")
    if process.returncode != 0:
        raise CommandFailed(f"{' '.join(command)}: {said[-3000:]}")
    return said
