"""Seasons for tests: plans of lockers and seats around the Monday of all races."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Final

from models.identity.roles import Role
from models.reader_groups.entities import GroupId
from models.readers.entities import Reader
from models.seasons.entities import SeasonKind, SeasonPlan, Thing, Which
from models.seasons.rule_text import Source
from models.staff.audit_log import StaffContext
from tests.builders import ZONE

VALUE: Final = "05 11 16 20 25 31 + 09"
LOCKERS: Final = tuple(Thing(f"L-{number:02}", "large") for number in range(1, 6))


def plan(
    opens_at: datetime,
    *,
    things: tuple[Thing, ...] = LOCKERS,
    kind: SeasonKind = SeasonKind.LOCKERS,
    weights: Mapping[GroupId, int] | None = None,
    default_weight: int = 1,
) -> SeasonPlan:
    """A season in which one can apply for a day from ``opens_at``; its first value is known an
    hour after the close, the alternative a day later, and a day after that is the deadline."""
    closes_at = opens_at + timedelta(days=1)
    known_at = closes_at + timedelta(hours=1)
    seats = kind is SeasonKind.SEATS
    return SeasonPlan(
        title="Autumn 2026",
        kind=kind,
        given=things,
        first=date(2026, 9, 14),
        last=date(2026, 12, 20),
        hours=(time(8), time(22)) if seats else None,
        default_weight=default_weight,
        weights=weights or {},
        most_wishes=3,
        opens_at=opens_at,
        closes_at=closes_at,
        sources={
            Which.FIRST: Source("Lottery 2026140", known_at),
            Which.ALTERNATIVE: Source("Lottery 2026141", known_at + timedelta(days=1)),
        },
        reveal_by=known_at + timedelta(days=2),
        come_by=time(10) if seats else None,
        unused_days=2 if seats else 0,
        grace_days=0 if seats else 7,
    )


def administrator(reader: Reader, now: datetime) -> StaffContext:
    return StaffContext(reader, Role.ADMINISTRATOR, now, ZONE)
