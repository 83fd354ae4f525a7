"""Three hosts in namespaces of their own, on one switch, which can be lost and come back."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import aiohttp
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from lab.chaos.hosts import ROOT
from lab.chaos.links import family
from lab.chaos.replica_set import ChaosError, Client, agreed, reconfigured, until
from lab.three_hosts.files import (
    HOSTS,
    NAME,
    READERS,
    SET_SETTINGS,
    SHARED,
    address,
    home,
    member,
)
from lab.three_hosts.switch import DEVICE, hardware_address
from lab.three_hosts.switch import READERS as READERS_PORT
from miniapp_server.embedded_databases import mongod_binary

_BOOT: Final = Path(__file__).with_name("boot.sh")
_NAMESPACES: Final = ("--net", "--mount", "--uts", "--pid")
_READY_S: Final = 120.0
_AGREED_S: Final = 120.0
_COMMAND_S: Final = 120.0


class Cables:
    """The switch between all hosts, in a process of its own."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Starts the switch, and plugs the readers' network in, in which this process is."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "lab.three_hosts.switch"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        await self.plug(READERS_PORT, os.getpid())
        own = hardware_address(READERS_PORT).hex(":")
        for words in (
            ("link", "set", "lo", "up"),
            ("link", "set", DEVICE, "address", own),
            ("address", "add", f"{READERS}/24", "dev", DEVICE),
            ("link", "set", DEVICE, "up"),
        ):
            await _done("ip", *words)

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def plug(self, port: int, process: int) -> None:
        """Gives the network of the process a new card at the port."""
        await self._ask({"plug": [port, process]})

    async def cut(self, *pairs: tuple[int, int]) -> None:
        """Cuts the links between these ports, and mends all others."""
        await self._ask({"cut": [list(pair) for pair in pairs]})

    async def _ask(self, command: Mapping[str, object]) -> None:
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        async with self._turn:
            process.stdin.write(json.dumps(command).encode() + b"\n")
            if not await process.stdout.readline():
                raise ChaosError("the switch has ended")


class Host:
    """A host with a member of the set, Valkey, the service, nginx and keepalived. Its ``base`` is
    the address that all hosts share."""

    def __init__(self, number: int, folder: Path, cables: Cables, workers: int) -> None:
        self.number, self.base = number, f"https://{NAME}"
        self._home, self._folder, self._cables = home(folder, number), folder, cables
        self._workers = workers
        self._process: asyncio.subprocess.Process | None = None
        self._first = 0
        """The id of the host's first process, with which all others end."""

    async def boot(self) -> None:
        """Starts the host without waiting for its services."""
        names = (self._home, ROOT, sys.executable, mongod_binary(), self._workers, self._folder)
        boot = ["/bin/sh", str(_BOOT), str(self.number), *map(str, names)]
        spaces = ("unshare", *_NAMESPACES, "--fork", "--kill-child", "--mount-proc", "--", *boot)
        with (self._home / "log" / "boot.log").open("ab") as log:
            process = self._process = await asyncio.create_subprocess_exec(
                *spaces, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

        async def begun() -> bool:
            if process.returncode is not None:
                raise ChaosError(f"host {self.number} does not boot: see boot.log")
            self._first = (*family(process.pid)[1:], 0)[0]
            return bool(self._first)

        await until(begun, f"host {self.number}")
        await self._cables.plug(self.number, self._first)

    async def ready(self) -> None:
        """Returns once the host's service is ready."""
        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(timeout=timeout) as session:

            async def answers() -> bool:
                url = f"http://{address(self.number)}:8080/readyz"
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(url) as response:
                        return response.status == 200
                return False

            await until(answers, f"a ready service on host {self.number}", _READY_S)

    async def lose(self) -> None:
        """Ends all its processes at once, without a word on the network."""
        others = [port for port in (READERS_PORT, *HOSTS) if port != self.number]
        await self._cables.cut(*((self.number, other) for other in others))
        await self.end()

    async def end(self) -> None:
        """Kills the first process, and so, by the kernel, all others of the host."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                os.kill(self._first, signal.SIGKILL)
            await process.wait()

    def erase(self) -> None:
        """Replaces the lost host's disk with an empty one."""
        disk = self._home / "disk"
        shutil.rmtree(disk)
        disk.mkdir()

    async def do(self, *command: str, said: str = "") -> str:
        """The output of a command on the host. Raises: ChaosError if it fails."""
        inside = ("nsenter", "--target", str(self._first), *_NAMESPACES, f"--wd={ROOT}", "--")
        return await _done(*inside, *command, said=said)

    async def has_address(self) -> bool:
        """Whether the shared address is on this host."""
        if self._process is None:
            return False
        return f" {SHARED}/" in await self.do("ip", "-brief", "address", "show", DEVICE)


async def _done(*command: str, said: str = "") -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=ROOT,
    )
    try:
        async with asyncio.timeout(_COMMAND_S):
            output, _ = await process.communicate(said.encode())
    except TimeoutError:
        process.kill()
        raise ChaosError(f"{' '.join(command[-4:])} does not end") from None
    if process.returncode != 0:
        raise ChaosError(f"{' '.join(command[-4:])}: {output.decode().strip()}")
    return output.decode()


class MemberSet:
    """The replica set of the three hosts, as its administrator sees it."""

    def __init__(self, password: str, authority: Path) -> None:
        self._client: Client = AsyncMongoClient(
            [member(number) for number in HOSTS], replicaSet="seats", username="admin",
            password=password, tls=True, tlsCAFile=str(authority), serverSelectionTimeoutMS=2000,
            connectTimeoutMS=2000, socketTimeoutMS=8000,
        )  # fmt: skip

    async def reconfigure(self, settings: Mapping[str, int]) -> None:
        await reconfigured(self._self, {**SET_SETTINGS, **settings})

    async def settled(self) -> None:
        await agreed(self._self, _AGREED_S)

    async def _self(self) -> Client:
        return self._client

    async def primary(self) -> int:
        """The number of the primary's host."""
        numbers: list[int] = []

        async def known() -> bool:
            with suppress(PyMongoError):
                hello = await self._client.admin.command("hello")
                numbers.append(int(str(hello["me"])[1]))
            return bool(numbers)

        await until(known, "a primary")
        return numbers[0]

    async def close(self) -> None:
        await self._client.close()


async def holders(hosts: Iterable[Host]) -> list[int]:
    """The numbers of the hosts that have the shared address."""
    return [host.number for host in hosts if await host.has_address()]
