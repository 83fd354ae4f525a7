"""Application hosts and Redis, each of which can be broken."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import aiohttp

from lab.chaos.links import family
from lab.chaos.replica_set import until
from miniapp_server.child_process import die_with_parent
from miniapp_server.embedded_databases import redis_binary

ROOT: Final = Path(__file__).resolve().parents[2]
_READY_S: Final = 300.0
"""At a load of 24 on two cores both hosts, with all their imports, took some 100 s to start."""
_DRAIN_S: Final = 30.0


_SITECUSTOMIZE: Final = """
import os, time
ahead = int(os.environ.get("CHAOS_CLOCK_S", "0"))
if ahead:
    seconds, nanoseconds = time.time, time.time_ns
    time.time = lambda: seconds() + ahead
    time.time_ns = lambda: nanoseconds() + ahead * 10**9
"""


class Process:
    """A program of the rig with its children. It ends with the rig, however that ends."""

    def __init__(self, program: list[str], env: Mapping[str, str], log: Path) -> None:
        self._program, self._env, self._log = program, dict(env), log
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                die_with_parent(self._program),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={"PATH": os.environ.get("PATH", ""), **self._env},
                start_new_session=True,
            )

    def pids(self) -> list[int]:
        """The ids of the process and its children; empty while it does not run."""
        running = self._process is not None and self._process.poll() is None
        return family(self._process.pid) if running and self._process is not None else []

    def send(self, how: signal.Signals) -> None:
        """Sends the signal to all of them: SIGSTOP pauses, SIGCONT resumes."""
        for pid in self.pids():
            os.kill(pid, how)

    async def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends the process, also while it is paused. SIGKILL includes the children; SIGTERM lets
        them drain, and kills what is left after half a minute."""
        process = self._process
        if process is None:
            return
        if how is signal.SIGKILL:
            self.send(signal.SIGKILL)
        else:
            self.send(signal.SIGCONT)
            if process.poll() is None:
                process.send_signal(how)
        try:
            await asyncio.to_thread(process.wait, _DRAIN_S)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            await asyncio.to_thread(process.wait)
        self._process = None


class Host(Process):
    """An application host: a supervisor with its workers, on a port of its own."""

    def __init__(
        self,
        name: str,
        port: int,
        options: Sequence[str],
        env: Mapping[str, str],
        libraries: Sequence[Mapping[str, str]],
        log: Path,
    ) -> None:
        """``options``: those of ``serve``. ``libraries``: the headers of requests to each library
        that it serves."""
        program = [sys.executable, "-m", "miniapp_server", "serve", *options]
        # Python runs sitecustomize.py before the program.
        clock = log.parent / "clock"
        clock.mkdir(exist_ok=True)
        (clock / "sitecustomize.py").write_text(_SITECUSTOMIZE)
        own = {"PORT": str(port), "PYTHONPATH": f"{clock}{os.pathsep}{ROOT}"}
        super().__init__(program, {**env, **own}, log)
        self.name, self.base, self._libraries = name, f"http://127.0.0.1:{port}", libraries

    def kill_worker(self) -> None:
        """Kills one of the workers; the supervisor starts another."""
        for pid in self.pids()[1:2]:
            os.kill(pid, signal.SIGKILL)

    def set_clock(self, ahead_s: int) -> None:
        """Sets the machine's clock ahead by so many seconds, from the next start on."""
        self._env["CHAOS_CLOCK_S"] = str(ahead_s)

    async def start(self) -> None:
        self.spawn()
        await self.ready()

    async def ready(self) -> None:
        """Returns once the host is ready for each of its libraries. If its process has ended by
        itself it is started again, as the service manager does."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:

            async def ready_for(headers: Mapping[str, str]) -> bool:
                try:
                    async with session.get(f"{self.base}/readyz", headers=headers) as response:
                        return response.status == 200
                except (aiohttp.ClientError, TimeoutError):
                    return False

            async def answers() -> bool:
                if not self.pids():
                    self.spawn()
                return all([await ready_for(headers) for headers in self._libraries])

            await until(answers, f"host {self.name}", _READY_S)


class RedisServer(Process):
    """A Redis with an append-only file."""

    def __init__(self, port: int, folder: Path) -> None:
        folder.mkdir()
        self._port = port
        options = [
            *("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)),
            *("--save", "", "--appendonly", "yes"),
        ]
        super().__init__([str(redis_binary()), *options], {}, folder / "log")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    async def start(self) -> None:
        """Starts Redis; returns once it answers."""
        self.spawn()

        async def answers() -> bool:
            try:
                return await self.ask("PING") == b"+PONG\r\n"
            except OSError:
                return False

        await until(answers, "Redis")

    async def ask(self, command: str) -> bytes:
        """The answer to a command without arguments, by a connection of its own."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(f"{command}\r\n".encode())
            return await reader.readline()
        finally:
            writer.transport.abort()
