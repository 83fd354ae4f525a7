"""A trial: one thing after the other breaks under load, and the result is judged."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from lab.chaos.readers import House, Reader, all_of, house
from lab.chaos.replica_set import until
from lab.chaos.rig import POLICY, Library
from lab.history.judge import KINDS, Harm, judge
from lab.history.order_checker import OPEN
from lab.history.recorded import disorders
from lab.history.records import Fault, History, Stored
from miniapp_server.clock import real_now

DEADLINE: Final = "deadline"
"""The fault in which the primary is killed shortly before readers come in the last seconds of their
check-in time."""
Break = Callable[[], AbstractAsyncContextManager[None]]
"""A fault: broken inside the block, mended after it."""
_LATE: Final = 10
_BEFORE_DEADLINE: Final = timedelta(seconds=9), timedelta(seconds=6.5)
"""The span before the deadline in which the fault begins: readers come, or are in, shortly after.
"""


@dataclass(frozen=True, slots=True)
class Scale:
    """The size of a trial. ``hold_s``: how long a fault lasts; ``between_s``: the time after it.
    ``isolated_s`` replaces ``hold_s`` where a primary is cut off from its majority: its election
    time-out (``isolated_ms``) is longer than a write waits, as with MongoDB's default."""

    readers: int
    seats: int
    hold_s: float
    between_s: float
    patience_s: float
    think_s: float
    workers: int
    settings: Mapping[str, int]
    isolated_ms: int
    isolated_s: float
    probes: int


LONG: Final = Scale(
    readers=80, seats=60, hold_s=25, between_s=8, patience_s=3, think_s=0.2, workers=2,
    settings={}, isolated_ms=10_000, isolated_s=25, probes=4,
)  # fmt: skip
SHORT: Final = Scale(
    readers=24, seats=20, hold_s=2.5, between_s=0.5, patience_s=1, think_s=0.05, workers=2,
    settings={"electionTimeoutMillis": 1000, "heartbeatIntervalMillis": 200,
              "catchUpTimeoutMillis": 500},
    isolated_ms=7000, isolated_s=9, probes=2,
)  # fmt: skip


async def trial(
    rig: Library,
    faults: Mapping[str, Break],
    rounds: Iterable[Sequence[str]],
    scale: Scale,
    seed: int,
    over: Callable[[History], bool] = lambda _: False,
    report_fault: Callable[[str], None] = lambda _: None,
) -> History:
    """Lets ``faults`` happen one by one, as each round names them, under load, heals, and records
    the result.

    No fault begins once ``over`` is true. ``report_fault`` is called with the name of each fault
    when it begins. Returns the history to judge.
    """
    history = History(rig.zone)
    members = await rig.members(scale.readers + _LATE)
    seats = random.Random(seed).sample(rig.seats(), scale.seats)
    async with house(rig, history, seed, scale.patience_s, scale.think_s) as shared:
        readers = [Reader(shared, member, seats) for member in members[:-_LATE]]
        late = [Reader(shared, member, rig.seats()) for member in members[-_LATE:]]
        lives = [asyncio.create_task(reader.live()) for reader in readers]
        lives += [asyncio.create_task(reader.live_late()) for reader in late]
        try:
            await rig.set.reconfigure(scale.settings)
            await _answering(history)
            for names in rounds:
                left = list(names)
                while left and not over(history):
                    name = _next(left, shared, scale)
                    left.remove(name)
                    report_fault(name)
                    await _happen(rig, faults[name], shared, name, scale)
                    for life in lives:
                        if life.done():
                            life.result()  # raises: only an error ends a reader before the closing
                if over(history):
                    break
            shared.closing.set()
            await all_of(lives)
            await rig.set.reconfigure({})
            await rig.quiet(30)
            await _lines_left(rig, readers)
            await _probe(rig, shared, readers, scale.probes)
            await rig.quiet(30)
        finally:
            for life in lives:
                life.cancel()
            await asyncio.gather(*lives, return_exceptions=True)
    history.stored, history.daily_limit = await rig.stored(), POLICY.daily_booking_limit
    history.messages = await rig.messages()
    history.violations = await rig.violations()
    return history


async def _answering(history: History) -> None:
    """Returns when a tap that began after this moment is acknowledged."""
    since = real_now()

    async def acknowledged() -> bool:
        return any(o.promise is not None and o.asked_at > since for o in history.operations)

    await until(acknowledged, "an acknowledgement", 90)


def _next(left: Sequence[str], shared: House, scale: Scale) -> str:
    """The next fault in order; the deadline's fault when its time has come, or else last."""
    others = [name for name in left if name != DEADLINE]
    if not others or DEADLINE not in left:
        return left[0]
    soon = timedelta(seconds=scale.hold_s) + _BEFORE_DEADLINE[0]
    waits = [deadline - real_now() for deadline in shared.deadlines.values()]
    return DEADLINE if any(_BEFORE_DEADLINE[0] <= wait <= soon for wait in waits) else others[0]


async def _happen(rig: Library, fault: Break, shared: House, name: str, scale: Scale) -> None:
    """Makes one fault happen, mends it, and waits until taps are acknowledged again."""
    history, hold_s = shared.history, scale.hold_s
    if name == DEADLINE:
        await _deadline_comes(shared)
    isolated = name == "primary-isolated"
    if isolated:
        hold_s = scale.isolated_s
        await rig.set.reconfigure({**scale.settings, "electionTimeoutMillis": scale.isolated_ms})
    start = real_now()
    history.faults.append(Fault(name, start, start))
    async with fault():
        await asyncio.sleep(hold_s)
    history.faults[-1] = Fault(name, start, real_now())
    await rig.set.settled()
    if isolated:
        await rig.set.reconfigure(scale.settings)
    await _answering(history)
    await asyncio.sleep(scale.between_s)


async def _deadline_comes(shared: House) -> None:
    """Returns shortly before the check-in deadline of the readers who come late."""

    async def comes() -> bool:
        left = [deadline - real_now() for deadline in shared.deadlines.values()]
        soonest, latest = _BEFORE_DEADLINE
        return any(latest < wait <= soonest for wait in left)

    await until(comes, "a deadline", 120)


async def _lines_left(rig: Library, readers: Sequence[Reader]) -> None:
    """Returns when no reader waits or has an offer: a seat that a probe gives back would be held
    for them."""

    async def nobody() -> bool:
        # Repeated: a declined offer goes to the next reader, and requests may be lost.
        await all_of([reader.leave_lines() for reader in readers])
        return not await rig.db["waitlist"].count_documents({"open": True}, limit=1)

    await until(nobody, "empty lines", 60)


async def _probe(rig: Library, shared: House, readers: Sequence[Reader], each: int) -> None:
    """Lets every reader ask for seats of tomorrow that they dealt with before and that are free
    now."""
    there, day = await rig.stored(), rig.zone.day(real_now()) + timedelta(days=1)
    live = [r for r in there if r.state in ("reserved", "in_use", "away", "offered")]
    wished = {
        (o.promise.seat, o.promise.start)
        for o in shared.history.operations
        if o.promise is not None
    }
    wished = {place for place in wished if rig.zone.day(place[1]) == day}
    plans: list[list[tuple[str, datetime]]] = []
    for reader in readers:
        own = [r for r in live if r.reader == reader.member.id]
        free = [place for place in sorted(wished) if not _taken(place, live, own)]
        plans.append(shared.chance.sample(free, min(each, len(free))))
        # Two readers must not ask for one seat at once.
        wished -= {*plans[-1]}

    async def ask(reader: Reader, places: Sequence[tuple[str, datetime]]) -> None:
        for seat, start in places:
            shared.history.probes.append(await reader.probe(seat, start))

    await all_of([ask(*one) for one in zip(readers, plans, strict=True)])


def _taken(place: tuple[str, datetime], live: Sequence[Stored], own: Sequence[Stored]) -> bool:
    """Whether the seat is taken in that hour, or the reader has another one then."""
    seat, start = place
    end = start + timedelta(hours=1)
    return any(r.start < end and start < r.end for r in live if r in own or r.seat == seat)


def all_harm(history: History) -> list[Harm]:
    """All violations of a promise. Call it while the rig runs: half hours are of its library."""
    return [*judge(history), *_out_of_order(history)]


def _out_of_order(history: History) -> list[Harm]:
    """Days of seats and of readers whose answers have no sequential order."""
    harm = []
    for disorder in disorders(history):
        last = max(call.begin for call in disorder.calls if call.begin < OPEN)
        fault = history.fault_at(datetime.fromtimestamp(last, UTC))
        harm.append(Harm("disorder", fault, str(disorder)))
    return harm


# --- the table ------------------------------------------------------------------------------------


def table(history: History, harm: Sequence[Harm]) -> str:
    """One line for each fault: acknowledged operations, harm, and the longest time (seconds)
    without an acknowledgement after it began."""
    counts = Counter((one.fault, one.kind) for one in harm)
    acknowledged = [o for o in history.operations if o.promise is not None]
    lines: list[tuple[str, ...]] = [("fault", "acknowledged", *KINDS, "unknown", "silent s")]
    names = list(dict.fromkeys(fault.name for fault in history.faults))
    for name in (["none"] if any(one.fault == "none" for one in harm) else []) + names:
        its = [o for o in history.operations if history.fault_of(o) == name]
        silent = max((silence(history, f) for f in history.faults if f.name == name), default=0.0)
        cells = (str(counts[name, kind]) for kind in KINDS)
        said, unsaid = sum(o.promise is not None for o in its), sum(o.unknown for o in its)
        lines.append((name, str(said), *cells, str(unsaid), f"{silent:.1f}"))
    total = (str(sum(one.kind == kind for one in harm)) for kind in KINDS)
    unknown = str(sum(o.unknown for o in history.operations))
    lines.append(("all", str(len(acknowledged)), *total, unknown, ""))
    return aligned(lines, words=1)


def aligned(lines: Sequence[Sequence[str]], words: int) -> str:
    """The lines of a table, one below the other. ``words``: the number of columns that stand to the
    left; the others are numbers."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if column < words else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def silence(history: History, fault: Fault) -> float:
    """The longest time (seconds) without an acknowledgement during the fault and soon after it."""
    last = fault.end + timedelta(seconds=10)
    instants = sorted(
        o.answered_at
        for o in history.operations
        if o.promise is not None and o.answered_at is not None
        if fault.start <= o.answered_at <= last
    )
    moments = [fault.start, *instants, min(last, real_now())]
    return max((later - before).total_seconds() for before, later in pairwise(moments))
