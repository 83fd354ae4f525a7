"""How many days in a row a holder has not used, as a table; and what a season's rule allows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Final

import pytest

from models.kernel.errors import Malformed
from models.kernel.ids import ReservationId
from models.reservations.state_machine import ReservationState
from models.season_holders.use import unused_in_a_row
from models.seasons.entities import SeasonKind, Thing
from models.seasons.rules import check_plan
from tests.builders import ZONE, but, moved, on, reserved
from tests.seasons import plan

NOW: Final = datetime(2026, 9, 7, 8, tzinfo=ZONE.slot_clock)


@pytest.mark.parametrize(
    ("days", "unused"),
    [
        ("", 0),
        ("missed", 1),
        ("missed missed missed", 3),
        ("missed missed came", 0),
        ("missed came missed missed", 2),
        ("missed back missed", 2),
        ("missed to_come", 1),
        ("missed excused missed", 2),
        ("missed waived missed", 2),
        ("came missed back excused waived to_come", 1),
        ("missed left", 0),
        ("missed missed+booked", 0),
        ("missed missed+booked missed", 1),
        ("missed missed+elsewhere", 2),
        ("missed missed+unused missed", 3),
        ("missed came+unused missed", 1),
    ],
)
def test_unused_days_in_a_row_end_when_the_holder_comes(days: str, unused: int) -> None:
    states = {
        "missed": ReservationState.NO_SHOW,
        "excused": ReservationState.NO_SHOW,
        "waived": ReservationState.NO_SHOW,
        "came": ReservationState.COMPLETED,
        "left": ReservationState.AWAY_EXPIRED,
        "back": ReservationState.CANCELLED,
        "to_come": ReservationState.RESERVED,
        # Bookings beside the day before the plus:
        "booked": ReservationState.IN_USE,
        "elsewhere": ReservationState.COMPLETED,
        "unused": ReservationState.NO_SHOW,
    }
    bookings = ("booked", "elsewhere", "unused")
    rows = [
        but(
            moved(reserved(seat="other" if word == "elsewhere" else "own"), timedelta(days=n)),
            id=ReservationId(f"{n} {word}"),
            state=states[word],
            season_id=None if word in bookings else "season",
            penalty_waived=word == "excused",
            checked_in_at=on("09:00") if word in ("came", "left", "booked", "elsewhere") else None,
        )
        for n, day in enumerate(days.split())
        for word in day.split("+")
    ]
    waived = {r.id for r in rows if r.id.endswith("waived")}
    assert unused_in_a_row("season", rows, waived) == unused


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("come_by", {"come_by": None}),
        ("come_by", {"come_by": time(8)}),
        ("come_by", {"come_by": time(22, 1)}),
        ("start", {"hours": None, "come_by": None}),
        ("unused_days", {"unused_days": 31}),
        ("unused_days", {"unused_days": -1}),
        ("grace_days", {"grace_days": 61}),
    ],
)
def test_a_rule_of_seats_says_when_holders_have_to_come(
    field: str, change: dict[str, object]
) -> None:
    opens_at = NOW + timedelta(hours=1)
    of_seats = plan(opens_at, things=(Thing("a"),), kind=SeasonKind.SEATS)
    check_plan(of_seats, NOW)
    check_plan(plan(opens_at), NOW)
    with pytest.raises(Malformed) as refused:
        check_plan(replace(of_seats, **change), NOW)  # type: ignore[arg-type]
    assert refused.value.details["field"] == field
