"""A network switch in user space, with a delay between each two of its ports.

``tc netem`` would delay as well, but its kernel module is missing on many machines; this needs only
/dev/net/tun. Every frame passes here, so a cut link loses ARP and VRRP as well as TCP.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import json
import os
import select
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from time import monotonic
from typing import Final

DEVICE: Final = "eth0"
READERS: Final = 0
"""The port of the readers' network; hosts have the ports 1 to 3."""
_DELAY_S: Final = {frozenset({1, 2}): 0.001, frozenset({1, 3}): 0.003, frozenset({2, 3}): 0.005}
_READERS_DELAY_S: Final = 0.001
_FRAME: Final = 1 << 16
_NEW_NETWORK: Final = 0x40000000
"""CLONE_NEWNET (man 2 setns)."""
_SET_DEVICE, _TAP, _WITHOUT_INFO = 0x400454CA, 0x0002, 0x1000
"""TUNSETIFF, IFF_TAP and IFF_NO_PI (linux/if_tun.h)."""

Pair = frozenset[int]


def hardware_address(port: int) -> bytes:
    """The address of the network card at the port."""
    return bytes([2, 0, 0, 0, 0, port])


class Switch:
    """The ports, the frames under way, and the pairs of ports that are cut."""

    def __init__(self) -> None:
        self._cards: dict[int, int] = {}
        self._cut: set[Pair] = set()
        self._under_way: list[tuple[float, int, int, bytes]] = []
        self._numbers = count()

    def obey(self, command: dict[str, list[int] | list[list[int]]]) -> None:
        """Does ``{"plug": [port, process]}``, which gives the process's network a card, or
        ``{"cut": [[port, port], …]}``, which replaces all cuts."""
        for name, values in command.items():
            if name == "plug":
                port, process = (int(str(value)) for value in values)
                if (old := self._cards.pop(port, None)) is not None:
                    os.close(old)
                self._cards[port] = _card(process)
            else:
                self._cut = {frozenset(pair) for pair in values if isinstance(pair, list)}

    def run(self) -> None:
        """Passes frames on and obeys commands on standard input until that is closed."""
        commands = sys.stdin.fileno()
        while True:
            wait = max(0.0, self._under_way[0][0] - monotonic()) if self._under_way else None
            ready, _, _ = select.select([commands, *self._cards.values()], [], [], wait)
            for port, card in list(self._cards.items()):
                if card in ready:
                    self._take(port, card)
            self._deliver()
            if commands in ready:
                line = sys.stdin.readline()
                if not line:
                    return
                self.obey(json.loads(line))
                print("done", flush=True)

    def _take(self, port: int, card: int) -> None:
        while True:
            try:
                frame = os.read(card, _FRAME)
            except BlockingIOError:
                return
            except OSError:  # its host is gone
                os.close(self._cards.pop(port))
                return
            for to in self._ports(port, frame):
                pair = frozenset({port, to})
                if pair not in self._cut:
                    due = monotonic() + _DELAY_S.get(pair, _READERS_DELAY_S)
                    heapq.heappush(self._under_way, (due, next(self._numbers), to, frame))

    def _ports(self, port: int, frame: bytes) -> Iterable[int]:
        others = [to for to in self._cards if to != port]
        return [to for to in others if frame.startswith(hardware_address(to))] or (
            others if frame[0] & 1 else []  # a broadcast
        )

    def _deliver(self) -> None:
        while self._under_way and self._under_way[0][0] <= monotonic():
            _, _, to, frame = heapq.heappop(self._under_way)
            if to in self._cards:
                with suppress(OSError):  # the card is not up yet, or no more: the frame is lost
                    os.write(self._cards[to], frame)


def _card(process: int) -> int:
    """A new network card in the network of the process, as a file of frames."""
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    network = os.open(f"/proc/{process}/ns/net", os.O_RDONLY)
    try:
        _enter(network)
        card = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(
            card, _SET_DEVICE, struct.pack("16sH22x", DEVICE.encode(), _TAP | _WITHOUT_INFO)
        )
        return card
    finally:
        _enter(own)
        os.close(network)
        os.close(own)


def _enter(network: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(network, _NEW_NETWORK) != 0:
        raise OSError(ctypes.get_errno(), "no other network may be entered")


if __name__ == "__main__":
    Switch().run()
