"""A rush in all schools at once, and what the readers of one school feel of a rush at another."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, Final

from lab.bench.processes import ready
from lab.bench.rush import READERS_PER_SEAT, arrivals
from lab.bench.service import (
    AREAS,
    HOURS,
    PLAN,
    Member,
    booking,
    free_hours,
    looks,
    members,
    seats_of,
)
from lab.schools.rest import memory
from lab.schools.service import MeasuredSchool, SchoolsService
from miniapp_server.embedded_databases import EmbeddedDatabases
from models.library.entities import SeatId
from models.storage.mongo import new_id

TRIES: Final = 3
"""Seats that each reader of a rush asks for, in the same hour."""
WITHIN_S: Final = 3.0
"""Seconds in which the readers of all schools ask for their seats."""
LEAD_S: Final = 1.0
"""Seconds of a neighbour's rush before and after the measured readers come."""
LOOKS_PER_S, BOOKINGS_PER_S = 40, 20
GOOD: Final = frozenset({"200", "201", "409", "429", "503"})
UNANSWERED: Final = "0"
"""The status of a request that got no answer in time, as on a machine that does too much."""


@dataclass(slots=True)
class Judged:
    """Counts of acknowledged bookings, of those not stored, and of doubles in the databases."""

    acknowledged: int = 0
    lost: int = 0
    doubles: int = 0

    def add(self, other: Judged) -> None:
        self.acknowledged += other.acknowledged
        self.lost += other.lost
        self.doubles += other.doubles


async def judged(schools: Sequence[MeasuredSchool], booked: Sequence[str]) -> Judged:
    """Compares the ids of acknowledged bookings with the schools' databases, and counts bookings
    there that hold one seat or one reader at the same time."""
    stored = set().union(*[await school.stored() for school in schools])
    doubles = sum([await school.house.doubles() for school in schools])
    return Judged(len(booked), len(set(booked) - stored), doubles)


async def plant(school: MeasuredSchool, booked: Sequence[str]) -> None:
    """Deletes one acknowledged booking of the school, and gives another's seat away a second time:
    a control."""
    rows = school.house.db["reservations"]
    lost, double = await rows.find({"_id": {"$in": [*booked]}}).limit(2).to_list(2)
    await rows.delete_one({"_id": lost["_id"]})
    await rows.insert_one({**double, "_id": new_id(), "claims": []})


def wave(
    readers: Sequence[Member], seats: Sequence[SeatId], hour: int, rng: random.Random
) -> list[bytes]:
    """Requests of readers of whom each asks for some of the seats, in one hour of tomorrow."""
    wishes = [(reader, seat) for reader in readers for seat in rng.sample(seats, TRIES)]
    rng.shuffle(wishes)
    return [booking(reader, seat, hour) for reader, seat in wishes]


async def rush_in_all(
    service: SchoolsService, folder: Path, readers: int, planted: bool
) -> dict[str, Any]:
    """Plays a rush of so many readers in each school. Returns answers, memory afterwards, and what
    the databases say. Raises: BenchFailed."""
    rng = random.Random(5)
    requests: list[bytes] = []
    for school in service.schools:
        seats = rng.sample(seats_of(school.house), readers // READERS_PER_SEAT)
        coming = await members(school.house, readers)
        requests += school.for_host(wave(coming, seats, HOURS.stop, rng))
    rng.shuffle(requests)
    outcome = await arrivals(
        folder, service.port, requests, within_s=WITHIN_S, again=True, connected=False
    )
    await service.wait_for_dispatch()
    facts = memory(service)
    if planted:
        await plant(service.schools[0], outcome["booked"])
    verdict = await judged(service.schools, outcome["booked"])
    return {
        "requests": len(requests),
        "seats": len(service.schools) * (readers // READERS_PER_SEAT),
        "within_s": WITHIN_S,
        "answers": outcome["all"],
        "errors": errors_of(outcome),
        "unanswered": unanswered(outcome),
        "took_s": round(outcome["took_s"], 2),
        **{name: round(outcome[name], 1) for name in ("p50_ms", "p99_ms", "max_ms")},
        **facts,
        **asdict(verdict),
    }


def errors_of(outcome: Mapping[str, Any]) -> int:
    """Answers that no request here should get, such as 500, or 503 without Retry-After."""
    bad: int = sum(
        n for status, n in outcome["all"].items() if status not in GOOD and status != UNANSWERED
    )
    return bad


def unanswered(outcome: Mapping[str, Any]) -> int:
    """Requests without an answer, and those that were refused as busy for too long."""
    return int(outcome["all"].get(UNANSWERED, 0) + outcome["gave_up"])


# --- neighbours -----------------------------------------------------------------------------------

Requests = Mapping[str, Sequence[bytes]]
"""Requests by kind: ``looks`` and ``bookings``."""


@dataclass(slots=True)
class Rushed:
    """A school whose readers rush, each time for another hour of tomorrow. ``per_s``: requests."""

    school: MeasuredSchool
    port: int
    per_s: int
    booked: list[str] = field(default_factory=list)
    hour: int = HOURS.start

    async def requests(self, seconds: float) -> list[bytes]:
        """A wave of readers for each second, who want other seats than the wave before: so as many
        bookings succeed at the end as at the beginning."""
        rng = random.Random(self.hour)
        seats = seats_of(self.school.house)
        rng.shuffle(seats)
        readers = await members(self.school.house, round(seconds * self.per_s / TRIES))
        waves = round(seconds)
        some, places = len(readers) // waves, len(readers) // waves // READERS_PER_SEAT
        requests: list[bytes] = []
        for number in range(waves):
            coming = readers[number * some : (number + 1) * some]
            places_of_wave = seats[number * places : (number + 1) * places]
            requests += wave(coming, places_of_wave, self.hour, rng)
        self.hour += 1
        return self.school.for_host(requests)

    async def rush(self, folder: Path, requests: Sequence[bytes], seconds: float) -> dict[str, Any]:
        outcome = await arrivals(
            folder, self.port, requests, within_s=seconds, again=True, connected=False
        )
        self.booked += outcome["booked"]
        return outcome


@dataclass(slots=True)
class Calm:
    """A school in which a few readers look and book, by the port that serves it."""

    school: MeasuredSchool
    port: int
    hours: Iterator[tuple[SeatId, int, date]]
    booked: list[str] = field(default_factory=list)

    async def requests(self, seconds: float) -> Requests:
        """Looks and bookings of so many seconds, by new readers."""
        house = self.school.house
        looking = await members(house, round(LOOKS_PER_S * seconds / 2))
        looks_ = self.school.for_host([*looks(AREAS, looking), *looks(PLAN, looking)])
        random.Random(6).shuffle(looks_)
        chosen = list(islice(self.hours, round(BOOKINGS_PER_S * seconds)))
        readers = await members(house, len(chosen))
        bookings = [booking(one, *hour) for one, hour in zip(readers, chosen, strict=True)]
        return {"looks": looks_, "bookings": self.school.for_host(bookings)}

    async def stream(self, folder: Path, requests: Requests, seconds: float) -> dict[str, Any]:
        """The times of looks and of bookings that come at moments independent of the answers.
        Raises: BenchFailed."""
        looked, booked = await asyncio.gather(
            self._play(folder, requests["looks"], seconds),
            self._play(folder, requests["bookings"], seconds),
        )
        self.booked += booked["booked"]
        return {"looks": looked, "bookings": booked}

    async def _play(
        self, folder: Path, requests: Sequence[bytes], seconds: float
    ) -> dict[str, Any]:
        own = Path(tempfile.mkdtemp(dir=folder))
        return await arrivals(
            own, self.port, requests, within_s=seconds, again=False, connected=False
        )


async def felt(folder: Path, calm: Calm, rushed: Rushed, seconds: float) -> dict[str, Any]:
    """Measures the calm school's answers while nobody else comes, and while the other school's
    readers rush. Raises: BenchFailed."""
    alone = await calm.stream(folder, await calm.requests(seconds), seconds)
    lasting = seconds + 2 * LEAD_S
    own, theirs = await calm.requests(seconds), await rushed.requests(lasting)
    apart = Path(tempfile.mkdtemp(dir=folder))
    rushing = asyncio.create_task(rushed.rush(apart, theirs, lasting))
    try:
        await asyncio.sleep(LEAD_S)
        beside = await calm.stream(folder, own, seconds)
        rush = await rushing
    finally:
        rushing.cancel()
    return _compared(alone, beside, [rush])


async def felt_of_a_dead_cell(
    folder: Path, calm: Calm, dying: Calm, cell: EmbeddedDatabases, seconds: float
) -> dict[str, Any]:
    """Measures the calm school's answers beside those of a school in another ``cell``, before the
    mongod of that cell is killed and while it is dead. It lives again at the end.

    Raises: BenchFailed, EmbeddedError.
    """

    async def played(own: Requests, theirs: Requests) -> tuple[dict[str, Any], dict[str, Any]]:
        return await asyncio.gather(
            calm.stream(folder, own, seconds), dying.stream(folder, theirs, seconds)
        )

    # Both before the kill: their readers are stored.
    first, last = [(await calm.requests(seconds), await dying.requests(seconds)) for _ in range(2)]
    before, their_first = await played(*first)
    await cell.kill_mongod()
    try:
        beside, their_last = await played(*last)
    finally:
        await cell.start_mongod()
    await ready(dying.port, "/readyz", host=dying.school.host)
    return _compared(before, beside, [*their_first.values(), *their_last.values()])


def _compared(
    alone: Mapping[str, Any], beside: Mapping[str, Any], others: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The result of one repetition. ``others``: answers to other schools' readers, of which the
    last are shown."""
    streams = [*alone.values(), *beside.values(), *others]
    return {
        "alone": _times(alone),
        "beside": _times(beside),
        "rush": {
            "answers": others[-1]["all"],
            **{name: round(others[-1][name], 1) for name in ("p50_ms", "p99_ms")},
        },
        "errors": sum(map(errors_of, streams)),
        "unanswered": sum(map(unanswered, streams)),
        "refused": dict(sum((_refused(one) for one in beside.values()), Counter())),
    }


def _times(stream: Mapping[str, Any]) -> dict[str, Any]:
    """All times and the generator's own p99 in ms, of looks and of bookings."""
    names = ("latencies_ms", "late_p99_ms")
    return {kind: {name: outcome[name] for name in names} for kind, outcome in stream.items()}


def _refused(outcome: Mapping[str, Any]) -> Counter[str]:
    return Counter({s: n for s, n in outcome["all"].items() if s in ("429", "503")})


def calm_school(school: MeasuredSchool, port: int) -> Calm:
    return Calm(school, port, free_hours(school.house))
