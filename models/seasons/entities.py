from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
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
    """A seat or a locker that a season gives. ``id``: of the seat, or the locker's number.
    ``size``: of a locker, in the library's words."""

    id: str
    size: str = ""


@dataclass(frozen=True, slots=True)
class SeasonPlan:
    """All that staff decide about a season; nothing of it changes once it is announced. ``hours``:
    from and until in a day, of seats alone. ``weights``: of reader groups; other readers have
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
    was aborted."""

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

    @property
    def rule_hash(self) -> str:
        return calculation.rule_hash(self.rule)


@dataclass(frozen=True, slots=True)
class News:
    """A season's change at the instant ``at`` that an applicant has yet to be told. ``id``: of the
    change; the ids of its messages begin with it."""

    id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Application:
    """A reader's application for a season. ``salt``: known to its reader alone. ``weight``: given
    when the list is frozen; 0 if the reader may not apply any more. ``rank``: from 1, by the
    draw. ``thing``: the id of what the application got. ``news``: what its reader has yet to be
    told; there is at most one."""

    season_id: SeasonId
    reader_id: ReaderId
    wishes: tuple[str, ...]
    salt: str
    made_at: datetime
    changed_at: datetime
    weight: int | None = None
    rank: int | None = None
    thing: str | None = None
    news: News | None = None

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
