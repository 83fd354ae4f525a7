"""Three hosts start, readers use them, and each host and a link are lost in turn."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Final

from lab.chaos.replica_set import until
from lab.chaos.rig import Library, furnish
from lab.chaos.trial import LONG as CHAOS_LONG
from lab.chaos.trial import SHORT as CHAOS_SHORT
from lab.chaos.trial import Break, Scale, aligned, silence
from lab.history.harm import Harm
from lab.history.records import History
from lab.three_hosts.files import AUTHORITY, HOSTS, SET_SETTINGS, lay_out, member, settings
from lab.three_hosts.hosts import Cables, Host, MemberSet, holders
from miniapp_server.app import open_application
from miniapp_server.cli.settings import load
from miniapp_server.clock import Clock

LINK: Final = "link"
"""The fault in which the primary's host and another one do not reach each other."""
REPLACED: Final = "host-3"
"""The fault after which another host with an empty disk takes the place of the lost one."""
NAMES: Final = (*(f"host-{number}" for number in HOSTS), LINK)
LONG: Final = replace(CHAOS_LONG, readers=40, think_s=1.0)
SHORT: Final = replace(CHAOS_SHORT, readers=20, hold_s=5, patience_s=2, think_s=0.4, workers=1)
SEATS: Final = (sys.executable, "-m", "miniapp_server")
_ENV_FILE: Final = ("--env-file", "/etc/seats/env")


@dataclass
class Campus(Library):
    """The three hosts, and what their faults did."""

    hosts: list[Host]
    set: MemberSet = field(kw_only=True)
    cables: Cables = field(kw_only=True)
    folder: Path = field(kw_only=True)
    roles: dict[str, str] = field(default_factory=dict, kw_only=True)
    """By fault: what was lost with the host, or the hosts at the ends of the link."""
    recovered_s: dict[str, float] = field(default_factory=dict, kw_only=True)
    """By fault: seconds from its end until all hosts were ready and all members agreed."""

    async def whole(self) -> None:
        """Returns once all hosts are ready, all members agree and one host has the address."""
        await asyncio.gather(*(host.ready() for host in self.hosts))
        await self.set.settled()

        async def one() -> bool:
            return len(await holders(self.hosts)) == 1

        await until(one, "the address on one host")

    def faults(self) -> dict[str, Break]:
        lost: dict[str, Break] = {
            f"host-{host.number}": partial(self._host_lost, host) for host in self.hosts
        }
        return {**lost, LINK: self._link_lost}

    @asynccontextmanager
    async def _host_lost(self, host: Host) -> AsyncIterator[None]:
        name = f"host-{host.number}"
        primary, address = await self.set.primary(), await holders(self.hosts)
        roles = ["primary"] * (host.number == primary) + ["address"] * (host.number in address)
        self.roles[name] = ", ".join(roles) or "neither"
        await host.lose()
        yield
        if name == REPLACED:
            host.erase()
        await self.cables.cut()
        async with self._recovery(name):
            await host.boot()

    @asynccontextmanager
    async def _link_lost(self) -> AsyncIterator[None]:
        primary, address = await self.set.primary(), await holders(self.hosts)
        others = [number for number in HOSTS if number != primary]
        other = next((number for number in address if number != primary), others[0])
        self.roles[LINK] = f"{primary} (primary) to {other}"
        await self.cables.cut((primary, other))
        yield
        async with self._recovery(LINK):
            await self.cables.cut()

    @asynccontextmanager
    async def _recovery(self, name: str) -> AsyncIterator[None]:
        began = monotonic()
        yield
        await self.whole()
        self.recovered_s[name] = monotonic() - began

    async def backed_up(self) -> str:
        """Makes a backup on one host and rehearses it on another; checks the data. Returns what
        these commands said."""
        key = self.folder / "seats-backup.key"
        said = await self.hosts[1].do(*SEATS, "backup", *_ENV_FILE)
        said += await self.hosts[2].do(
            *SEATS, "rehearse-restore", *_ENV_FILE, "--identity", str(key)
        )
        return said + await self.hosts[0].do(*SEATS, "check-integrity", *_ENV_FILE)


@asynccontextmanager
async def campus(folder: Path, scale: Scale) -> AsyncIterator[Campus]:
    """Runs the three hosts during the block, with their disks and logs in ``folder``."""
    hidden = lay_out(folder)
    authority = folder / "authority" / AUTHORITY
    cables = Cables()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(cables.stop)
        await cables.start()
        hosts = [Host(number, folder, cables, scale.workers) for number in HOSTS]
        for host in hosts:
            stack.push_async_callback(host.end)
            await host.boot()
        set_settings = {**SET_SETTINGS, **scale.settings}
        first = {"admin": hidden.admin, "seats": hidden.seats, "settings": set_settings}
        members = [member(number) for number in HOSTS]
        made = (sys.executable, "-m", "lab.three_hosts.first_member")
        await hosts[0].do(*made, said=json.dumps({**first, "members": members}))
        (folder / "set-exists").touch()
        three = MemberSet(hidden.admin, authority)
        stack.push_async_callback(three.close)
        env = settings(hidden, str(authority))
        app = await stack.enter_async_context(open_application(load(env), Clock()))
        keys = await furnish(app)
        trusted = ssl.create_default_context(cafile=str(authority))
        running = Campus(hosts, app, keys, {}, tls=trusted, set=three, cables=cables, folder=folder)
        await running.whole()
        yield running


def table(running: Campus, history: History, harm: Sequence[Harm]) -> str:
    """One line for each fault: acknowledged bookings, harm, the longest time (seconds) without an
    acknowledged booking, and the time until all was whole again."""
    bookings = [o for o in history.operations if o.verb == "reserve" and o.promise is not None]
    counts = Counter((one.fault, one.kind) for one in harm)
    by_fault = Counter(history.fault_of(booking) for booking in bookings)
    lines: list[tuple[str, ...]] = [
        ("fault", "with it", "bookings", "lost", "doubles", "other", "refused s", "whole s")
    ]
    for name in ("none", *(fault.name for fault in history.faults)):
        cells = [counts[name, kind] for kind in ("lost", "doubles")]
        other = sum(count for (fault, _), count in counts.items() if fault == name) - sum(cells)
        refused = refused_s(history).get(name)
        whole = running.recovered_s.get(name)
        lines.append(
            (name, running.roles.get(name, ""), *map(str, [by_fault[name], *cells, other]),
             "" if refused is None else f"{refused:.1f}", "" if whole is None else f"{whole:.1f}")
        )  # fmt: skip
    lost, doubles = (sum(one.kind == kind for one in harm) for kind in ("lost", "doubles"))
    rest = len(harm) - lost - doubles
    lines.append(("all", "", str(len(bookings)), str(lost), str(doubles), str(rest), "", ""))
    return aligned(lines, words=2)


def refused_s(history: History) -> Mapping[str, float]:
    """The longest time (seconds) without an acknowledged booking, by fault."""
    bookings = [o for o in history.operations if o.verb == "reserve"]
    only = replace(history, operations=bookings)
    return {fault.name: silence(only, fault) for fault in history.faults}


def planted(history: History) -> History:
    """The history as if one acknowledged booking had been lost and another been made twice: a
    judge that accepts it sees nothing."""
    bookings = {o.promise.id for o in history.operations if o.verb == "reserve" and o.promise}
    rows = list(history.stored)
    lost = next(row for row in rows if row.id in bookings)
    double = next(row for row in rows if row.state == "reserved" and row.id != lost.id)
    twin = replace(double, id=f"{double.id}-twin", reader=lost.reader)
    return replace(history, stored=[row for row in rows if row is not lost] + [twin])
