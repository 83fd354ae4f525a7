"""A trial: one thing after the other breaks under load, and the result is judged."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from lab.chaos.friends import Friends
from lab.chaos.readers import House, Reader, all_of, house
from lab.chaos.replica_set import until
from lab.chaos.rig import POLICY, Library, Members
from lab.chaos.room_guests import RoomGuests
from lab.history.harm import KINDS, Harm
from lab.history.judge import judge
from lab.history.order_checker import OPEN
from lab.history.recorded import disorders
from lab.history.records import Fault, History, Stored, StoredRoomBooking
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
    """The size of a trial. ``readers`` and ``seats``: those of each library; ``hold_s``: how long a
    fault lasts; ``between_s``: the time after it.
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
    readers=24, seats=20, hold_s=2.5, between_s=0.5, patience_s=1, think_s=0.25, workers=2,
    settings={"electionTimeoutMillis": 1000, "heartbeatIntervalMillis": 200,
              "catchUpTimeoutMillis": 500},
    isolated_ms=7000, isolated_s=9, probes=2,
)  # fmt: skip


async def trial(
    members: Members,
    libraries: Sequence[Library],
    faults: Mapping[str, Break],
    rounds: Iterable[Sequence[str]],
    scale: Scale,
    seed: int,
    over: Callable[[Sequence[History]], bool] = lambda _: False,
    report: Callable[[str], None] = lambda _: None,
) -> list[History]:
    """Lets ``faults`` happen one by one, as each round names them, under load at all libraries,
    heals, and records the result. ``members``: those that have the libraries' databases.

    No fault begins once ``over`` is true. ``report`` is called with the name of each fault when it
    begins, and when the libraries close. Returns the history of each library to judge.
    """
    happened: list[Fault] = []
    async with AsyncExitStack() as stack:
        houses = [
            await stack.enter_async_context(_open(library, happened, scale, seed, number))
            for number, library in enumerate(libraries)
        ]
        histories = [each.history for each in houses]
        await members.reconfigure(scale.settings)
        await _answering(histories)
        for names in rounds:
            left = list(names)
            while left and not over(histories):
                name = _next(left, houses, scale)
                left.remove(name)
                report(name)
                await _happen(members, faults[name], houses, happened, name, scale)
                for life in (life for each in houses for life in each.lives):
                    if life.done():
                        life.result()  # raises: only an error ends a reader before the closing
            if over(histories):
                break
        report("closing")
        await all_of([each.close() for each in houses])
        await members.reconfigure({})
        await all_of([library.quiet(30) for library in libraries])
        await all_of([_lines_left(each) for each in houses])
        await all_of([_probe(each, scale.probes) for each in houses])
        await all_of([library.quiet(30) for library in libraries])
    for library, history in zip(libraries, histories, strict=True):
        history.stored, history.daily_limit = await library.stored(), POLICY.daily_booking_limit
        history.messages, history.taken = await library.messages(), library.taken()
        history.violations = await library.violations()
        history.parties, history.rooms = await library.parties(), await library.rooms()
        history.parties_end = real_now()
    return histories


@asynccontextmanager
async def _open(
    library: Library, happened: list[Fault], scale: Scale, seed: int, number: int
) -> AsyncIterator[House]:
    """The library with its readers, who use it until it is closed. In all libraries of a trial they
    choose among the seats of the same names."""
    members = await library.members(scale.readers + _LATE)
    seats = random.Random(seed).sample(library.seats(), scale.seats)
    history = History(library.zone, happened)
    async with house(library, history, seed + number, scale.patience_s, scale.think_s) as shared:
        shared.readers = [Reader(shared, member, seats) for member in members[:-_LATE]]
        late = [Reader(shared, member, library.seats()) for member in members[-_LATE:]]
        shared.lives = [asyncio.create_task(reader.live()) for reader in shared.readers]
        shared.lives += [asyncio.create_task(reader.live_late()) for reader in late]
        friends, guests = Friends(shared), RoomGuests(shared)
        shared.lives += [asyncio.create_task(friends.live(reader)) for reader in shared.readers]
        shared.lives += [asyncio.create_task(guests.live(reader)) for reader in shared.readers]
        desk = Reader(shared, await library.desk(), ())
        shared.lives.append(asyncio.create_task(guests.answer(desk)))
        try:
            yield shared
        finally:
            for life in shared.lives:
                life.cancel()
            await asyncio.gather(*shared.lives, return_exceptions=True)


async def _answering(histories: Sequence[History]) -> None:
    """Returns when each library has acknowledged a tap that began after this moment."""
    since = real_now()

    async def acknowledged() -> bool:
        return all(
            any(o.promise is not None and o.asked_at > since for o in reversed(history.operations))
            for history in histories
        )

    await until(acknowledged, "an acknowledgement", 90)


def _next(left: Sequence[str], houses: Sequence[House], scale: Scale) -> str:
    """The next fault in order; the deadline's fault when its time has come, or else last."""
    others = [name for name in left if name != DEADLINE]
    if not others or DEADLINE not in left:
        return left[0]
    soon = timedelta(seconds=scale.hold_s) + _BEFORE_DEADLINE[0]
    waits = _until_deadlines(houses)
    return DEADLINE if any(_BEFORE_DEADLINE[0] <= wait <= soon for wait in waits) else others[0]


def _until_deadlines(houses: Sequence[House]) -> list[timedelta]:
    """The times left until the check-in deadlines of the readers who come late."""
    return [deadline - real_now() for each in houses for deadline in each.deadlines.values()]


async def _happen(
    members: Members,
    fault: Break,
    houses: Sequence[House],
    happened: list[Fault],
    name: str,
    scale: Scale,
) -> None:
    """Makes one fault happen, mends it, and waits until taps are acknowledged again."""
    hold_s = scale.hold_s
    if name == DEADLINE:
        await _deadline_comes(houses)
    isolated = name == "primary-isolated"
    if isolated:
        hold_s = scale.isolated_s
        await members.reconfigure({**scale.settings, "electionTimeoutMillis": scale.isolated_ms})
    start = real_now()
    happened.append(Fault(name, start, start))
    async with fault():
        await asyncio.sleep(hold_s)
    happened[-1] = Fault(name, start, real_now())
    await members.settled()
    if isolated:
        await members.reconfigure(scale.settings)
    await _answering([each.history for each in houses])
    await asyncio.sleep(scale.between_s)


async def _deadline_comes(houses: Sequence[House]) -> None:
    """Returns shortly before the check-in deadline of a reader who comes late."""

    async def comes() -> bool:
        soonest, latest = _BEFORE_DEADLINE
        return any(latest < wait <= soonest for wait in _until_deadlines(houses))

    await until(comes, "a deadline", 120)


async def _lines_left(shared: House) -> None:
    """Returns when no reader waits or has an offer: a seat that a probe gives back would be held
    for them."""

    async def nobody() -> bool:
        # Repeated: a declined offer goes to the next reader, and requests may be lost.
        await all_of([reader.leave_lines() for reader in shared.readers])
        return not await shared.library.db["waitlist"].count_documents({"open": True}, limit=1)

    await until(nobody, "empty lines", 60)


async def _probe(shared: House, each: int) -> None:
    """Lets every reader ask for seats of tomorrow that they dealt with before and that are free
    now, and then for rooms."""
    library, readers, rooms = shared.library, shared.readers, await shared.library.rooms()
    there, day = await library.stored(), library.zone.day(real_now()) + timedelta(days=1)
    live = [r for r in there if r.state in ("reserved", "in_use", "away", "offered")]
    wished = {
        (o.promise.seat, o.promise.start)
        for o in shared.history.operations
        if o.promise is not None
    }
    wished = {place for place in wished if library.zone.day(place[1]) == day}
    plans: list[list[tuple[str, datetime]]] = []
    for reader in readers:
        id = reader.member.id
        own: list[Stored | StoredRoomBooking] = [r for r in live if r.reader == id]
        own += [b for b in rooms if b.live and id in b.people]
        free = [place for place in sorted(wished) if not _taken(place, live, own)]
        plans.append(shared.chance.sample(free, min(each, len(free))))
        # Two readers must not ask for one seat at once.
        wished -= {*plans[-1]}

    async def ask(reader: Reader, places: Sequence[tuple[str, datetime]]) -> None:
        for seat, start in places:
            shared.history.probes.append(await reader.probe(seat, start))

    await all_of([ask(*one) for one in zip(readers, plans, strict=True)])
    await RoomGuests(shared).probe(live)


def _taken(
    place: tuple[str, datetime],
    live: Sequence[Stored],
    own: Sequence[Stored | StoredRoomBooking],
) -> bool:
    """Whether the seat is taken in that hour, or the reader has another place then."""
    seat, start = place
    end, others = start + timedelta(hours=1), [r for r in live if r.seat == seat]
    return any(r.start < end and start < r.end for r in (*own, *others))


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
