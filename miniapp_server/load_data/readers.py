"""Invented readers, with the bookings that each has on the day being generated."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import accumulate
from typing import Final

from models.kernel.ids import ReaderId, ReservationId
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.policy.entities import Policy
from models.readers.entities import SuspensionReason
from models.violations.entities import Suspension, Violation
from models.violations.rules import decide_suspension, window_start

MOST_READERS: Final = 12_000
"""Largest number of invented readers: those of a university whose library has 2,400 seats."""
_STUDY_MONTHS: Final = 48
"""Months that a reader studies. Each month one reader in 48 leaves, and a new reader comes."""
_ATTEMPTS: Final = 20

_SURNAMES: Final = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
_GIVEN_NAMES: Final = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉萍红玲文辉"


@dataclass(slots=True)
class SimulatedReader:
    """An invented reader. ``weight``: how often they come, relative to others. ``unspent``:
    their counted violations that have not yet caused a suspension."""

    id: ReaderId
    number: str
    name: str
    kind: str
    admitted_at: datetime
    weight: float
    suspended_until: datetime | None = None
    suspended_for: SuspensionReason | None = None
    unspent: list[Violation] = field(default_factory=list)

    def miss(
        self, zone: Zone, id: ReservationId, when: datetime, counted: bool, policy: Policy
    ) -> tuple[Violation, Suspension | None]:
        """Records a no-show. Returns the violation, and the suspension that it causes or None.
        ``counted``: whether the violation counts toward a suspension."""
        violation = Violation(
            f"{id}:no_show", self.id, id, "no_show", when, zone.day(when), counted
        )
        self.unspent = [v for v in self.unspent if v.at > window_start(policy, when)]
        if counted:
            self.unspent.append(violation)
        suspension = decide_suspension(violation, self.unspent, policy)
        if suspension is not None:
            self.suspended_until, self.suspended_for = suspension.until, suspension.reason
            self.unspent = [v for v in self.unspent if v.id not in suspension.violation_ids]
        return violation, suspension


class ReaderPool:
    """The invented readers of the present, some of whom come far more often than others. Readers
    who have left are dropped, so that memory stays bounded over the years."""

    def __init__(self, zone: Zone, size: int, rng: random.Random, *, leave: bool = True) -> None:
        """``leave``: each month some readers leave the university and as many new ones come."""
        self.zone, self._size, self._leave = zone, size, leave
        self._rng = rng
        self._count = 0
        self._next_to_leave = 0
        self._month: tuple[int, int] | None = None
        self.current: list[SimulatedReader] = []
        self._by_id: dict[ReaderId, SimulatedReader] = {}
        self._weights: list[float] = []
        self._candidates: list[SimulatedReader] = []
        self._slots: defaultdict[ReaderId, set[tuple[date, int]]] = defaultdict(set)
        self._bookings: Counter[ReaderId] = Counter()
        self._barred: set[ReaderId] = set()

    def __getitem__(self, id: ReaderId) -> SimulatedReader:
        return self._by_id[id]

    def begin_day(self, day: date) -> list[SimulatedReader]:
        """Begins a day, on which no reader has a booking yet. Returns the readers who leave the
        university on this day; some do on the first day of each month."""
        left = self._begin_month(day) if (day.year, day.month) != self._month else []
        self._slots.clear()
        self._bookings.clear()
        self._barred.clear()
        return left

    def _begin_month(self, day: date) -> list[SimulatedReader]:
        left: list[SimulatedReader] = []
        if self._month is None:
            self.current = [self._new_reader(day) for _ in range(self._size)]
        elif self._leave:
            for _ in range(-(-self._size // _STUDY_MONTHS)):
                left.append(self.current[self._next_to_leave])
                self.current[self._next_to_leave] = self._new_reader(day)
                self._next_to_leave = (self._next_to_leave + 1) % self._size
        self._month = day.year, day.month
        self._by_id = {reader.id: reader for reader in self.current}
        self._weights = list(accumulate(reader.weight for reader in self.current))
        self._candidates = []
        return left

    def _new_reader(self, day: date) -> SimulatedReader:
        rng = self._rng
        self._count += 1
        admitted_at = self.zone.instant(day, time(6))
        return SimulatedReader(
            id=ReaderId(generated_id(admitted_at, rng)),
            number=f"GR{self._count:08d}",
            name=rng.choice(_SURNAMES) + "".join(rng.sample(_GIVEN_NAMES, rng.choice((1, 2, 2)))),
            kind="staff" if rng.random() < 0.03 else "student",
            admitted_at=admitted_at,
            weight=rng.lognormvariate(0, 1.1),
        )

    def choose(
        self, booked: datetime, span: TimeRange, missed: bool, policy: Policy
    ) -> tuple[SimulatedReader, int] | None:
        """Chooses a reader who may book ``span`` at the time ``booked``, and adds the booking.
        Returns the reader, and how many bookings of the day the reader now has; None if no
        candidate may book.

        ``missed``: the booking ends as a no-show. If the no-show causes a suspension, the reader
        has no other booking on the day.
        """
        slots = set(self.zone.half_hour_slots(span))
        for _ in range(_ATTEMPTS):
            if not self._candidates:
                self._candidates = self._rng.choices(
                    self.current, cum_weights=self._weights, k=4096
                )
            reader = self._candidates.pop()
            number = self._bookings[reader.id] + 1
            if (
                reader.id in self._barred
                or (reader.suspended_until is not None and booked < reader.suspended_until)
                or number > policy.daily_booking_limit
                or not slots.isdisjoint(self._slots[reader.id])
            ):
                continue
            if missed and len(reader.unspent) >= policy.violations_limit - 1:
                if number > 1:
                    continue
                self._barred.add(reader.id)
            self._slots[reader.id] |= slots
            self._bookings[reader.id] = number
            return reader, number
        return None

    def renew(self, reader: SimulatedReader, added: TimeRange) -> bool:
        """Adds ``added``, by which a stay is extended, to the reader's bookings. False if it
        overlaps another booking of the reader."""
        slots = set(self.zone.half_hour_slots(added))
        free = slots.isdisjoint(self._slots[reader.id])
        if free:
            self._slots[reader.id] |= slots
        return free


def generated_id(moment: datetime, rng: random.Random) -> str:
    """An id like MongoDB's object ids: the seconds of ``moment``, then random digits."""
    return f"{int(moment.timestamp()):08x}{rng.getrandbits(64):016x}"
