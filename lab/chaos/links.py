"""TCP proxies in front of the members of a replica set, with one link for each caller and member.

All callers have the address 127.0.0.1, so a proxy recognises a caller by the process that owns the
other end of the connection. A link passes data, is cut, holds answers back, delays or is reset.
Data sent over a cut link arrives when the link is mended, as TCP would deliver it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

_CHUNK: Final = 1 << 16
_FIND_TRIES: Final = 5
UNKNOWN: Final = "unknown"
_NETLINK_SOCK_DIAG: Final = 4
_SOCK_DIAG_BY_FAMILY: Final = 20
_NLM_F_REQUEST: Final = 1
_ANY_STATE: Final = 0xFFFFFFFF
_INODE_AT: Final = 84
"""The place of the inode in the kernel's answer (linux/inet_diag.h), behind the header."""


class Link:
    """The way between one caller and one member, for all of their connections."""

    def __init__(self) -> None:
        self._to_member, self._to_caller = asyncio.Event(), asyncio.Event()
        self._delay_s = 0.0
        self._writers: set[asyncio.StreamWriter] = set()
        self.mend()

    def mend(self) -> None:
        """Lets everything pass, including what waits."""
        self._to_member.set()
        self._to_caller.set()
        self._delay_s = 0.0

    def cut(self) -> None:
        """Lets nothing pass in either direction."""
        self._to_member.clear()
        self._to_caller.clear()

    def hold_answers(self) -> None:
        """Lets requests pass and holds answers back."""
        self._to_caller.clear()

    def delay(self, seconds: float) -> None:
        """Delays each piece by ``seconds`` in each direction."""
        self._delay_s = seconds

    def reset(self) -> None:
        """Breaks all connections; data under way is lost."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def carry(
        self,
        caller: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        member: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        """Carries one connection until either end closes it."""
        both = {caller[1], member[1]}
        self._writers |= both
        ways = [
            asyncio.create_task(self._pump(caller[0], member[1], self._to_member)),
            asyncio.create_task(self._pump(member[0], caller[1], self._to_caller)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._writers -= both
            for writer in both:
                writer.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, open: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                await open.wait()
                writer.write(data)
                await writer.drain()
            await open.wait()  # the end of the connection does not pass a cut link either


class Proxy:
    """Listens in front of one member and hands each connection to its caller's link."""

    def __init__(self, port: int, member_port: int, link_of: Callable[[str], Link]) -> None:
        self.port, self._member_port, self._link_of = port, member_port, link_of
        self.callers: Callable[[], Mapping[int, str]] = dict
        """Names of the processes that may call, by process id."""
        self._server: asyncio.Server | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        member: asyncio.StreamWriter | None = None
        try:
            link = self._link_of(await self._who(writer.get_extra_info("peername")[1]))
            there, member = await asyncio.open_connection("127.0.0.1", self._member_port)
            await link.carry((reader, writer), (there, member))
        except (OSError, asyncio.CancelledError):
            pass  # the member is down, or the proxy ends; no other code awaits this task
        finally:
            for end in (writer, member):
                if end is not None:
                    end.transport.abort()
            self._under_way.discard(task)

    async def _who(self, port: int) -> str:
        callers = self.callers()
        for _ in range(_FIND_TRIES):
            pid = owner(port, self.port, callers)
            if pid is not None:
                return callers[pid]
            callers = self.callers()
            await asyncio.sleep(0)
        return UNKNOWN


def owner(port: int, to_port: int, pids: Iterable[int]) -> int | None:
    """The id of the process that owns the connection from ``port`` to ``to_port`` of 127.0.0.1."""
    if not (inode := _inode(port, to_port)):
        return None
    link = f"socket:[{inode}]"
    for pid in pids:
        with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as files:
            for file in files:
                with suppress(OSError):
                    if os.readlink(file.path) == link:
                        return pid
    return None


def _inode(port: int, to_port: int) -> int:
    """The inode of that connection's socket; 0 if there is none. The kernel is asked for this one
    (sock_diag(7)): /proc/net/tcp has thousands that have ended, and takes a thousand times as long.
    """
    here = socket.inet_aton("127.0.0.1")
    ends = struct.pack("!HH16s16s", port, to_port, here, here) + bytes(4) + b"\xff" * 8
    about = struct.pack("=BBxxI", socket.AF_INET, socket.IPPROTO_TCP, _ANY_STATE) + ends
    header = struct.pack("=IHHII", 16 + len(about), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
        kernel.send(header + about)
        answer = kernel.recv(4096)
    (kind,) = struct.unpack_from("=H", answer, 4)
    if kind != _SOCK_DIAG_BY_FAMILY:
        return 0
    (inode,) = struct.unpack_from("=I", answer, _INODE_AT)
    return int(inode)


def family(pid: int) -> list[int]:
    """The process and its descendants."""
    pids = [pid]
    for parent in pids:
        with suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                pids += [int(child) for child in (task / "children").read_text().split()]
    return pids
