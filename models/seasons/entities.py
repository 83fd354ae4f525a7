from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import NewType

from models.kernel.ids import ReaderId
from models.reader_groups.entities import GroupId
from models.seasons import calculation
from models.seasons.calculation import Entry
from models.seasons.rule_text import Source

SeasonId = NewType("SeasonId", str)


class SeasonKind(StrEnum):
    SEATS = "seats"
    LOCKERS = "lockers"


class SeasonState(StrEnum):
    """The stored state of a season."""

    OPEN = "open"
    FROZEN = "frozen"
    DRAWN = "drawn"
    ABORTED = "aborted"


class SeasonStage(StrEnum):
    """The state of a season as people see it at an instant, which no job has to bring about."""

    ANNOUNCED = "announced"
    APPLYING = "applying"
    CLOSED = "closed"
    FROZEN = "frozen"
    DRAWN = "drawn"
    ABORTED = "aborted"
    VOID = "void"
    """The library has not published its secret by the deadline."""


class Which(StrEnum):
    """The value of the source that decides: the first one, or the alternative if it did not
    come."""

    FIRST = "first"
    ALTERNATIVE = "alternative"


class Step(StrEnum):
    """A step that one staff member starts and another one confirms."""

    FREEZE = "freeze"
    DRAW = "draw"


@dataclass(frozen=True, slots=True)
class Thing:
    """A seat or a locker that a season gives. ``id``: of the seat, or the locker's number. Of a
    locker in the library's words: ``size``, and ``place``, where it stands. ``row``: its row there,
    counted from the top; 0 if that is not known."""

    id: str
    size: str = ""
    place: str = ""
    row: int = 0


@dataclass(frozen=True, slots=True)
class SeasonPlan:
    """All that staff decide about a season; nothing of it changes once it is announced. ``hours``:
    from and until in a day; ``come_by``: the time of day by which a holder has to come, or the rest
    of the day is free; ``unused_days``: after so many days in a row without coming a holder is
    warned, and after one more the seat goes to the next in rank, 0 for never; these three are of
    seats alone. ``grace_days``: so many days after the last one a locker has to be empty.
    ``weights``: of reader groups; other readers have
    ``default_weight``. With the weight 0 one may not apply."""

    title: str
    kind: SeasonKind
    given: tuple[Thing, ...]
    first: date
    last: date
    hours: tuple[time, time] | None
    default_weight: int
    weights: Mapping[GroupId, int]
    most_wishes: int
    opens_at: datetime
    closes_at: datetime
    sources: Mapping[Which, Source]
    reveal_by: datetime
    come_by: time | None = None
    unused_days: int = 0
    grace_days: int = 0

    @property
    def until(self) -> date:
        """The last day on which something may still belong to a holder."""
        return self.last + timedelta(days=self.grace_days)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(thing.id for thing in self.given)


@dataclass(frozen=True, slots=True)
class Started:
    """A step that waits for another staff member's confirmation. ``which``, ``value``: of a
    draw."""

    step: Step
    by: ReaderId
    at: datetime
    which: Which = Which.FIRST
    value: str = ""


@dataclass(frozen=True, slots=True)
class FrozenList:
    root: str
    count: int
    at: datetime


@dataclass(frozen=True, slots=True)
class SeasonDraw:
    which: Which
    value: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Season:
    """A season (学期座位): seats or lockers that are given for a term by a draw. ``rule``: the
    published text. ``applications``: their number until the list is frozen. ``reason``: why it
    was aborted. ``written``: up to this day the holders' days are written, and the seats can be
    booked like others. ``changes``: how often a holder has changed since the draw."""

    id: SeasonId
    plan: SeasonPlan
    rule: str
    commitment: str
    secret: str
    state: SeasonState = SeasonState.OPEN
    applications: int = 0
    started: Started | None = None
    list: FrozenList | None = None
    draw: SeasonDraw | None = None
    reason: str = ""
    written: date = date.min
    changes: int = 0

    @property
    def rule_hash(self) -> str:
        return calculation.rule_hash(self.rule)


class NewsKind(StrEnum):
    """The kinds of news for an applicant."""

    RESULT = "result"
    """The draw, the abort, or that the application was left out."""
    GOT = "got"
    """The reader has got what somebody else has given up or lost."""
    WARNED = "warned"
    LOST = "lost"
    SWAP_ASKED = "swap_asked"
    SWAPPED = "swapped"
    ENDING = "ending"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class News:
    """A change at the instant ``at`` that an applicant has yet to be told. ``id``: of the change;
    the ids of its messages begin with it."""

    id: str
    at: datetime
    kind: NewsKind = NewsKind.RESULT


class LossReason(StrEnum):
    """Why a holder has nothing any more."""

    GIVEN_UP = "given_up"
    UNUSED = "unused"
    TAKEN_BACK = "taken_back"
    """The library has taken it back during the season."""
    CLEARED = "cleared"
    """The library has found the locker empty after the season."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A seat or locker that a holder had until ``at``."""

    thing: str
    at: datetime
    reason: LossReason


@dataclass(frozen=True, slots=True)
class Application:
    """A reader's application for a season. ``salt``: known to its reader alone. ``weight``: given
    when the list is frozen; 0 if the reader may not apply any more. ``rank``: from 1, by the
    draw. ``thing``: the id of what its reader, the holder, has now; ``lost``: what they had before.
    ``warned``: the number of unused days in a row about which they were warned. ``swap``: the id of
    what they ask its holder to swap for their own. ``news``: what they have yet to be told."""

    season_id: SeasonId
    reader_id: ReaderId
    wishes: tuple[str, ...]
    salt: str
    made_at: datetime
    changed_at: datetime
    weight: int | None = None
    rank: int | None = None
    thing: str | None = None
    lost: Loss | None = None
    warned: int = 0
    swap: str | None = None
    news: tuple[News, ...] = ()

    @property
    def entry(self) -> Entry:
        """The application as it is published."""
        return Entry(calculation.token(self.salt), self.weight or 0, self.wishes)


@dataclass(frozen=True, slots=True)
class RankedEntry:
    """An application in the frozen list, after the draw with its rank and what it got."""

    entry: Entry
    rank: int | None = None
    thing: str | None = None


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """The path from an application's leaf to the root of the frozen list."""

    leaf: str
    index: int
    count: int
    path: tuple[str, ...]
    root: str
