"""The faults, one context each: broken inside the block, mended after it."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Final

from lab.chaos.hosts import Host
from lab.chaos.replica_set import Member
from lab.chaos.rig import Rig
from lab.chaos.trial import DEADLINE, Break
from models.messages.entities import Channel

_BreakOf = Callable[[Rig], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def primary_isolated(rig: Rig) -> AsyncIterator[None]:
    """The primary is cut off from its majority; the applications still reach it."""
    rig.set.isolate(await rig.set.primary())
    yield
    rig.set.mend()


@asynccontextmanager
async def two_primaries(rig: Rig) -> AsyncIterator[None]:
    """The primary is cut off from its majority, and another one is elected at once."""
    old = await rig.set.primary()
    rig.set.isolate(old)
    await rig.set.step_up(old)
    yield
    rig.set.mend()


@asynccontextmanager
async def primary_killed(rig: Rig) -> AsyncIterator[None]:
    member = await rig.set.primary()
    await member.end(signal.SIGKILL)
    yield
    member.spawn()


@asynccontextmanager
async def primary_paused(rig: Rig) -> AsyncIterator[None]:
    member = await rig.set.primary()
    member.send(signal.SIGSTOP)
    yield
    member.send(signal.SIGCONT)


def _to(rig: Rig, member: Member, hosts: list[Host]) -> list[tuple[str, Member]]:
    return [(host.name, member) for host in hosts]


@asynccontextmanager
async def applications_cut_off(rig: Rig) -> AsyncIterator[None]:
    """The applications are cut off from the primary only, which goes on."""
    member = await rig.set.primary()
    for name, there in _to(rig, member, rig.hosts):
        rig.set.link(name, there).cut()
    yield
    rig.set.mend()


@asynccontextmanager
async def host_cut_off(rig: Rig) -> AsyncIterator[None]:
    """One host reaches no member; the other host does."""
    for member in rig.set.members:
        rig.set.link(rig.hosts[0].name, member).cut()
    yield
    rig.set.mend()


@asynccontextmanager
async def history_lost(rig: Rig) -> AsyncIterator[None]:
    """One host reaches no member until the oplog has dropped where its change stream stood."""
    for member in rig.set.members:
        link = rig.set.link(rig.hosts[0].name, member)
        link.cut()
        link.reset()
    await rig.set.roll_over()
    yield
    rig.set.mend()


@asynccontextmanager
async def answers_lost(rig: Rig) -> AsyncIterator[None]:
    """The primary does what it is asked, but its answers are lost; then the connections break."""
    member = await rig.set.primary()
    links = [rig.set.link(name, there) for name, there in _to(rig, member, rig.hosts)]
    for link in links:
        link.hold_answers()
    yield
    for link in links:
        link.reset()
    rig.set.mend()


@asynccontextmanager
async def slow_links(rig: Rig) -> AsyncIterator[None]:
    """Each piece takes 200 ms to a member and 200 ms back."""
    for member in rig.set.members:
        for host in rig.hosts:
            rig.set.link(host.name, member).delay(0.1)
    yield
    rig.set.mend()


@asynccontextmanager
async def hosts_restarted(rig: Rig) -> AsyncIterator[None]:
    """Restarts the hosts one after the other, as for a new version."""
    for host in rig.hosts:
        await host.end(signal.SIGTERM)
        await host.start()
    yield


@asynccontextmanager
async def host_killed(rig: Rig) -> AsyncIterator[None]:
    await rig.hosts[0].end(signal.SIGKILL)
    yield
    await rig.hosts[0].start()


@asynccontextmanager
async def worker_killed(rig: Rig) -> AsyncIterator[None]:
    rig.hosts[0].kill_worker()
    yield
    await rig.hosts[0].ready()


@asynccontextmanager
async def clock_wrong(rig: Rig) -> AsyncIterator[None]:
    """One host's clock is two hours ahead."""
    host = rig.hosts[0]
    for ahead_s in (7200, 0):
        await host.end(signal.SIGTERM)
        host.set_clock(ahead_s)
        await host.start()
        if ahead_s:
            yield


@asynccontextmanager
async def redis_killed(rig: Rig) -> AsyncIterator[None]:
    await rig.redis.end(signal.SIGKILL)
    yield
    await rig.redis.start()


@asynccontextmanager
async def redis_emptied(rig: Rig) -> AsyncIterator[None]:
    await rig.redis.ask("FLUSHALL")
    yield


@asynccontextmanager
async def redis_hanging(rig: Rig) -> AsyncIterator[None]:
    rig.redis.send(signal.SIGSTOP)
    yield
    rig.redis.send(signal.SIGCONT)


def _away(channel: Channel) -> _BreakOf:
    """One channel's other end is away; messages by the other channels go on."""

    @asynccontextmanager
    async def away(rig: Rig) -> AsyncIterator[None]:
        await rig.channels[channel].stop()
        yield
        await rig.channels[channel].start()

    return away


_FAULTS: Final[dict[str, _BreakOf]] = {
    "primary-isolated": primary_isolated,
    "two-primaries": two_primaries,
    "primary-killed": primary_killed,
    "primary-paused": primary_paused,
    "applications-cut-off": applications_cut_off,
    "host-cut-off": host_cut_off,
    "history-lost": history_lost,
    "answers-lost": answers_lost,
    "slow-links": slow_links,
    "hosts-restarted": hosts_restarted,
    "host-killed": host_killed,
    "worker-killed": worker_killed,
    "clock-wrong": clock_wrong,
    "redis-killed": redis_killed,
    "redis-emptied": redis_emptied,
    "redis-hanging": redis_hanging,
    "wechat-away": _away(Channel.WECHAT),
    "wecom-away": _away(Channel.WECOM),
    "mail-away": _away(Channel.EMAIL),
    DEADLINE: primary_killed,
}
NAMES: Final = tuple(_FAULTS)


def faults(rig: Rig) -> dict[str, Break]:
    """All faults of the rig, by name."""
    return {name: partial(fault, rig) for name, fault in _FAULTS.items()}
