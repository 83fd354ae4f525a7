"""The booking rules' decision about one request."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from models.library.entities import AreaId
from models.policy.entities import Policy
from models.policy.open_hours import open_hours
from models.reservations import rules
from models.reservations.rules import TimeSelection
from tests.builders import AREA, MONDAY, VENUE, ZONE, on, shifted

UPPER = AreaId("4f-hall")
HALL = Policy(areas={UPPER: {"max_minutes": 360}})


def decide(
    start: str,
    end: str,
    now: str,
    day: date = MONDAY,
    policy: Policy = HALL,
    area: AreaId = AREA,
    later: timedelta = timedelta(),
) -> Any:
    """Decides a requested time. ``start`` is a clock time or ``now``; ``now`` is on the Monday.
    Library, clock and request can all be some hours ``later``."""
    begin = on(now if start == "now" else start, day) + later
    wish = TimeSelection(
        ZONE.day(begin),
        None if start == "now" else ZONE.local(begin).time(),
        ZONE.local(on(end, day) + later).time(),
    )
    policy = shifted(policy, later)
    place = open_hours(ZONE, policy, wish.day, VENUE, area)
    return rules.resolve_time(ZONE, wish, policy.resolve(None, area), place, on(now) + later)


AFTER_TOMORROW = MONDAY + timedelta(days=2)
