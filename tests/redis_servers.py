"""The servers that REDIS_URL may name, one of each for a test, which may stop and reconfigure it.

Debian's redis-tools and valkey-tools contain the server: one program that checks a file or serves,
depending on its name.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from miniapp_server.child_process import die_with_parent
from miniapp_server.embedded_databases import free_ports, redis_binary
from tests.certificates import CertificateFiles
from tests.tools import program
from tests.waiting import patience

EMBEDDED: Final = "redis-6-embedded"
_TOOLS: Final[Mapping[str, str]] = {"redis-8": "redis", "valkey-8": "valkey"}
DEBIAN: Final = tuple(_TOOLS)
REDIS_SERVERS: Final = (EMBEDDED, *DEBIAN)
_START_S: Final = 10.0
_STOP_S: Final = 10.0


def _server(kind: str) -> Path:
    return redis_binary() if kind == EMBEDDED else Path(program(_TOOLS[kind]))


class RedisServer:
    """One server, empty at each start. ``running_redis`` starts and ends it."""

    def __init__(self, kind: str, folder: Path, tls: CertificateFiles | None) -> None:
        self.kind = kind
        self._folder = folder
        self._tls = tls
        server = _server(kind)
        self._program = folder / server.name.replace("check-rdb", "server")
        if not self._program.exists():
            self._program.symlink_to(server)
        [self.port] = free_ports(1)
        self.process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """The URL of a user who needs no password."""
        return self.url_of("")

    def url_of(self, user: str) -> str:
        """The URL of ``user:password``."""
        before = f"{user}@" if user else ""
        if self._tls is None:
            return f"redis://{before}127.0.0.1:{self.port}/0"
        return f"rediss://{before}127.0.0.1:{self.port}/0?ssl_ca_certs={self._tls.certificate}"

    async def start(self) -> None:
        """Returns once it listens."""
        with (self._folder / "redis.log").open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                *die_with_parent([str(self._program), *self._arguments()]),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                cwd=self._folder,
            )
        deadline = time.monotonic() + patience(_START_S)
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                said = (self._folder / "redis.log").read_text(errors="replace")
                assert self.process.returncode is None and time.monotonic() < deadline, said
                await asyncio.sleep(0.02)
                continue
            writer.close()
            await writer.wait_closed()
            return

    async def stop(self) -> None:
        """Stopping twice is allowed."""
        process, self.process = self.process, None
        if process is not None:
            process.terminate()
            async with asyncio.timeout(patience(_STOP_S)):
                await process.wait()

    def _arguments(self) -> tuple[str, ...]:
        own = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        if self._tls is None:
            return ("--port", str(self.port), *own)
        files = ("--tls-cert-file", self._tls.certificate, "--tls-key-file", self._tls.key)
        tls = ("--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no")
        return (*tls, *map(str, files), "--tls-ca-cert-file", str(self._tls.certificate), *own)


@asynccontextmanager
async def running_redis(
    kind: str, folder: Path, tls: CertificateFiles | None = None
) -> AsyncIterator[RedisServer]:
    """One of ``REDIS_SERVERS``, started; with ``tls`` it accepts nothing else."""
    server = RedisServer(kind, folder, tls)
    try:
        await server.start()
        yield server
    finally:
        await server.stop()
