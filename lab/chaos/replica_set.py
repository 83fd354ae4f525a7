"""A replica set of three real mongods behind proxies.

The set's configuration names the proxies, so every connection except the rig's own passes one.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pymongo
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.write_concern import WriteConcern

from lab.chaos.links import UNKNOWN, Link, Proxy
from miniapp_server.child_process import die_with_parent
from miniapp_server.embedded_databases import free_ports, mongod_binary

_SET_NAME: Final = "chaos"
_POLL_S: Final = 0.05
_MEMBERS: Final = 3
_HELLO_S: Final = 1.0
_ALREADY_INITIALIZED: Final = 23
_OPLOG_MB: Final = 64
_FILLER_MB: Final = 12

Client = AsyncMongoClient[dict[str, Any]]


class ChaosError(Exception):
    """The rig itself has failed, not the service. The message is one line."""


async def until(condition: Callable[[], Awaitable[bool]], what: str, within_s: float = 60) -> None:
    """Polls until the condition holds. Raises: ChaosError, which names ``what`` was waited for."""
    deadline = time.monotonic() + within_s
    while not await condition():
        if time.monotonic() > deadline:
            raise ChaosError(f"waited {within_s:.0f} s for: {what}")
        await asyncio.sleep(_POLL_S)


@dataclass(slots=True)
class Member:
    """One mongod with the proxy in front of it."""

    number: int
    port: int
    proxy: Proxy
    folder: Path
    direct: Client
    """The rig's own connection, which bypasses the proxy."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """The name by which this member calls other members."""
        return f"member {self.number}"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.proxy.port}"

    def spawn(self) -> None:
        """Starts mongod without waiting for it."""
        with (self.folder.with_suffix(".log")).open("ab") as log:
            self.process = subprocess.Popen(
                die_with_parent([str(mongod_binary()), *_options(self.port, self.folder)]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,
            )

    def send(self, how: signal.Signals) -> None:
        """Sends the signal to mongod: SIGSTOP pauses it, SIGCONT resumes it."""
        assert self.process is not None
        self.process.send_signal(how)

    async def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Ends mongod, also while it is paused, and waits for the end."""
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)
        await asyncio.to_thread(process.wait)

    async def hello(self) -> dict[str, Any]:
        """The member's answer to ``hello``; empty while it does not answer."""
        try:
            with pymongo.timeout(_HELLO_S):
                return await self.direct.admin.command("hello")
        except PyMongoError:
            return {}


@dataclass(slots=True)
class ReplicaSet:
    """Three members, their links, and operations on them."""

    members: list[Member]
    settings: Mapping[str, int]
    applications: dict[str, Callable[[], list[int]]] = field(default_factory=dict)
    """The process ids of each application host, by the host's name."""
    _links: dict[tuple[str, int], Link] = field(default_factory=dict)

    @property
    def url(self) -> str:
        hosts = ",".join(member.address for member in self.members)
        return f"mongodb://{hosts}/?replicaSet={_SET_NAME}"

    def link(self, caller: str, member: Member) -> Link:
        """The link between a caller (a host's or a member's name) and a member."""
        return self._links.setdefault((caller, member.number), Link())

    def callers(self) -> Mapping[int, str]:
        """The names of all who use the links, by process id. The rig itself has no name."""
        names = {m.process.pid: m.name for m in self.members if m.process is not None}
        for name, pids in self.applications.items():
            names |= dict.fromkeys(pids(), name)
        return names | {os.getpid(): UNKNOWN}

    async def start(self) -> None:
        """Returns once there is a primary that all other members follow."""
        for member in self.members:
            member.proxy.callers = self.callers
            await member.proxy.start()
            member.spawn()
        hosts = [{"_id": m.number, "host": m.address} for m in self.members]
        config = {"_id": _SET_NAME, "members": hosts, "settings": dict(self.settings)}

        async def initiated() -> bool:
            try:
                await self.members[0].direct.admin.command("replSetInitiate", config)
            except OperationFailure as error:
                return error.code == _ALREADY_INITIALIZED
            except PyMongoError:
                return False
            return True

        await until(initiated, "a replica set")  # some are still starting
        await self.step_up()  # sooner than the set would elect one by itself
        await self.settled()
        if {caller for caller, _ in self._links} <= {UNKNOWN}:
            raise ChaosError("this kernel does not say whose a connection is (tcp_diag)")

    async def stop(self) -> None:
        await asyncio.gather(*(member.end() for member in self.members))
        await asyncio.gather(*(member.proxy.stop() for member in self.members))
        await asyncio.gather(*(member.direct.close() for member in self.members))

    async def primary(self) -> Member:
        """The primary of the newest election; waits for one."""
        while True:
            said = [(m, await m.hello()) for m in self.members if m.process is not None]
            primaries = [(h["electionId"], m) for m, h in said if h.get("isWritablePrimary")]
            if primaries:
                return max(primaries, key=lambda pair: pair[0])[1]
            await asyncio.sleep(_POLL_S)

    def others(self, member: Member) -> list[Member]:
        return [m for m in self.members if m is not member]

    def isolate(self, member: Member) -> None:
        """Cuts a member off from the other members; applications still reach it."""
        for other in self.others(member):
            for link in (self.link(member.name, other), self.link(other.name, member)):
                link.cut()
                # Over a silent connection a member waits ten seconds before it reads elsewhere.
                link.reset()

    def mend(self) -> None:
        """Mends all links."""
        for link in self._links.values():
            link.mend()

    async def step_up(self, old: Member | None = None) -> Member:
        """Makes another member than ``old`` primary at once, even if ``old`` believes to be one.
        Returns it."""
        new: Member | None = None

        async def elected() -> bool:
            nonlocal new
            said = [(m, await m.hello()) for m in self.members if m is not old]
            # A member that lacks writes of another is not elected.
            candidates = [(h["lastWrite"]["opTime"]["ts"], m) for m, h in said if h.get("setName")]
            if not candidates:
                return False
            new = max(candidates, key=lambda pair: pair[0])[1]
            try:
                await new.direct.admin.command("replSetStepUp")
            except PyMongoError:
                return False
            return bool((await new.hello()).get("isWritablePrimary"))

        await until(elected, "another primary")
        assert new is not None
        return new

    async def roll_over(self) -> None:
        """Writes until no member's oplog has anything from before this call."""
        hello = await (await self.primary()).direct.admin.command("hello")
        begun = hello["lastWrite"]["opTime"]["ts"]
        # All members take part: one that lags behind could not follow any more.
        everywhere = WriteConcern(w=_MEMBERS, wtimeout=30_000)

        async def begins_later(member: Member) -> bool:
            oplog = member.direct["local"]["oplog.rs"]
            first = await oplog.find_one({}, {"ts": 1}, sort=[("$natural", 1)])
            return first is not None and bool(first["ts"] > begun)

        async def rolled_over() -> bool:
            rig = (await self.primary()).direct["rig"]
            filler = rig.get_collection("filler", write_concern=everywhere)
            try:
                for _ in range(_OPLOG_MB // _FILLER_MB + 1):
                    new = {"at": time.monotonic(), "filler": bytes(_FILLER_MB << 20)}
                    await filler.replace_one({"_id": 0}, new, upsert=True)
                return all([await begins_later(member) for member in self.members])
            except PyMongoError:
                return False  # during an election

        await until(rolled_over, "another oplog")

    async def reconfigure(self, settings: Mapping[str, int]) -> None:
        """Changes these settings of the set; all others keep MongoDB's defaults."""

        async def primary() -> Client:
            return (await self.primary()).direct

        await reconfigured(primary, settings)

    async def settled(self, within_s: float = 60) -> None:
        """Returns once all members have what the primary has, and rolled back writes are gone."""

        async def primary() -> Client:
            return (await self.primary()).direct

        await agreed(primary, within_s)


async def reconfigured(
    primary: Callable[[], Awaitable[Client]], settings: Mapping[str, int]
) -> None:
    """Changes these settings of the primary's set; all others keep MongoDB's defaults."""

    async def given() -> bool:
        try:
            admin = (await primary()).admin
            config = (await admin.command("replSetGetConfig"))["config"]
            own = {"replicaSetId": config["settings"]["replicaSetId"]}
            config |= {"version": config["version"] + 1, "settings": {**own, **settings}}
            await admin.command("replSetReconfig", config)
        except PyMongoError:
            return False  # during an election, or before the last change has reached all members
        return True

    await until(given, "other settings of the set")


async def agreed(primary: Callable[[], Awaitable[Client]], within_s: float) -> None:
    """Returns once all members have what the primary has, and rolled back writes are gone. Raises:
    ChaosError."""
    deadline = time.monotonic() + within_s
    while True:
        everywhere = WriteConcern(w=_MEMBERS, wtimeout=1000)
        marks = (await primary())["rig"].get_collection("marks", write_concern=everywhere)
        try:
            await marks.replace_one({"_id": 0}, {"at": time.monotonic()}, upsert=True)
            return
        except PyMongoError as error:
            if time.monotonic() > deadline:
                raise ChaosError(f"the members do not agree after {within_s:.0f} s") from error
            await asyncio.sleep(_POLL_S)


def _options(port: int, folder: Path) -> list[str]:
    return [
        *("--dbpath", str(folder)),
        *("--port", str(port)),
        *("--bind_ip", "127.0.0.1"),
        "--nounixsocket",
        *("--replSet", _SET_NAME),
        *("--oplogSize", str(_OPLOG_MB)),
        # The oplog keeps what follows the last checkpoint, a minute by default (``roll_over``).
        *("--syncdelay", "10"),
        *("--wiredTigerCacheSizeGB", "0.25"),
        *("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=8MB)"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        # Quick, since mongods get only SIGTERM if the rig is killed.
        *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"),
        "--quiet",
    ]


@asynccontextmanager
async def replica_set(folder: Path, settings: Mapping[str, int]) -> AsyncIterator[ReplicaSet]:
    """A set of three for the length of a block, with its data below ``folder``.

    ``settings`` of its configuration replace MongoDB's defaults.
    """
    replicas = ReplicaSet([], settings)
    ports = free_ports(2 * _MEMBERS)
    for number in range(_MEMBERS):
        own = folder / f"member{number}"
        own.mkdir(parents=True)

        def link_of(caller: str, number: int = number) -> Link:
            return replicas.link(caller, replicas.members[number])

        proxy = Proxy(ports[number + _MEMBERS], ports[number], link_of)
        direct: Client = AsyncMongoClient(
            "127.0.0.1", ports[number], directConnection=True, serverSelectionTimeoutMS=500,
            connectTimeoutMS=500, socketTimeoutMS=30000, retryWrites=False,
        )  # fmt: skip
        replicas.members.append(Member(number, ports[number], proxy, own, direct))
    try:
        await replicas.start()
        yield replicas
    finally:
        await replicas.stop()
