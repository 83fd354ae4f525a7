"""The readers of the moment, and what each of them holds on the day that is drawn."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import accumulate
from typing import Final

from miniapp_server.growth.visits import MINUTE, instant
from models.kernel.time_range import local_instant
from models.policy.entities import Policy
from models.store.past import milliseconds
from models.violations.entities import Violation

AT_ONCE: Final = 12_000
"""Readers of a university whose library has 2,400 seats."""
_STAY_MONTHS: Final = 48
"""A reader studies for four years: each month a 48th of them goes and as many come."""
SLOT: Final = 30 * MINUTE

_SURNAMES: Final = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
_GIVEN: Final = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉萍红玲文辉"


@dataclass(slots=True)
class Member:
    """One reader, and what is held against them at the moment."""

    id: str
    number: str
    name: str
    kind: str
    made: date
    weight: float
    suspended_until: datetime | None = None
    unspent: list[Violation] = field(default_factory=list)


class Readers:
    """The readers of the moment: as many as study at once, some of whom come far more often.

    Each month a 48th of them goes for ever and as many come, so memory stays bounded while the
    number of readers grows with the years.
    """

    def __init__(self, count: int, rng: random.Random) -> None:
        self._rng = rng
        self._made = 0
        self._turn = 0
        self._month: tuple[int, int] | None = None
        self._now: list[Member] = []
        self._ids: list[bytes] = []
        self._wanted = count
        self._weights: list[float] = []
        self._drawn: list[int] = []
        self._held: dict[int, list[tuple[int, int]]] = {}
        self._barred: set[int] = set()

    def renew(self, day: date) -> list[Member]:
        """Let those go whose time is over, and others come. Returns who has gone."""
        if (day.year, day.month) == self._month:
            return []
        gone: list[Member] = []
        if self._month is None:
            self._now = [self._new(day) for _ in range(self._wanted)]
        else:
            for _ in range(-(-self._wanted // _STAY_MONTHS)):
                gone.append(self._now[self._turn])
                self._now[self._turn] = self._new(day)
                self._turn = (self._turn + 1) % self._wanted
        self._month = day.year, day.month
        self._ids = [reader.id.encode() for reader in self._now]
        self._weights = list(accumulate(reader.weight for reader in self._now))
        self._drawn = []
        return gone

    def _new(self, day: date) -> Member:
        rng = self._rng
        self._made += 1
        seconds = milliseconds(local_instant(day, time(6))) // 1000
        return Member(
            id=f"{seconds:08x}{rng.getrandbits(40):010x}{self._made & 0xFFFFFF:06x}",
            number=f"GR{self._made:08d}",
            name=rng.choice(_SURNAMES) + "".join(rng.sample(_GIVEN, rng.choice((1, 2, 2)))),
            kind="staff" if rng.random() < 0.03 else "student",
            made=day,
            weight=rng.lognormvariate(0, 1.1),
        )

    @property
    def present(self) -> list[Member]:
        return self._now

    def at(self, position: int) -> bytes:
        """The reader's id."""
        return self._ids[position]

    def of(self, position: int) -> Member:
        return self._now[position]

    def begin(self, base: int) -> None:
        """A new day: nobody has booked; who is suspended stays away for the whole of it."""
        morning = instant(base)
        self._held = {}
        self._barred = {
            position
            for position, reader in enumerate(self._now)
            if reader.suspended_until is not None and reader.suspended_until > morning
        }

    def choose(self, held: tuple[int, int], missed: bool, policy: Policy) -> tuple[int, int]:
        """(position, k): a reader who may book those half hours as the k-th of the day; −1 when
        none was found.

        A miss that brings a suspension is the reader's only booking of the day.
        """
        for _ in range(20):
            if not self._drawn:
                places = range(len(self._now))
                self._drawn = self._rng.choices(places, cum_weights=self._weights, k=4096)
            position = self._drawn.pop()
            if position in self._barred:
                continue
            mine = self._held.setdefault(position, [])
            if len(mine) >= policy.daily_booking_limit or not _apart(mine, held):
                continue
            if missed and len(self._now[position].unspent) >= policy.violations_limit - 1:
                if mine:
                    continue
                self._barred.add(position)
            mine.append(held)
            return position, len(mine)
        return -1, 0

    def stays(self, position: int, held: tuple[int, int], until: int) -> bool:
        """Prolong what the reader holds until then, if nothing of theirs is in the way."""
        mine = self._held[position]
        longer = held[0], until_slot(until)
        mine.remove(held)
        free = _apart(mine, longer)
        mine.append(longer if free else held)
        return free


def until_slot(ms: int) -> int:
    """The end of the half hour that ends then or later."""
    return -(-ms // SLOT) * SLOT


def _apart(mine: Sequence[tuple[int, int]], held: tuple[int, int]) -> bool:
    return all(held[0] >= end or start >= held[1] for start, end in mine)
