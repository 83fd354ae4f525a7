"""The judge of holders of seasons finds what must not be, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from lab.history.judge import judge
from lab.history.records import Event, History, Stored, StoredApplicant, StoredSeason
from tests.builders import ZONE

NINE: Final = datetime(2026, 9, 7, 9, tzinfo=ZONE.slot_clock)
HOLDS: Final = StoredApplicant("x1", 1, ("any",), "a-001")
WAITS: Final = StoredApplicant("x2", 2, ("a-002", "any"), None)
LOST: Final = replace(HOLDS, thing=None, lost="a-001", lost_at=NINE, reason="unused")
FOLLOWS: Final = replace(WAITS, thing="a-001")


def day(state: str, **fields: Any) -> Stored:
    """The first reader's day, from nine to ten, on which they have to come by 9:30."""
    hour = timedelta(hours=1)
    made = Stored(
        id="day",
        reader="x1",
        seat="a-001",
        state=state,
        created_at=NINE - hour,
        since=NINE - hour,
        start=NINE,
        end=NINE + hour,
        available_from=None,
        check_in_until=NINE + hour / 2,
        ended_at=None,
        claims=frozenset(
            f"{key}:2026-09-07:{slot}" for key in ("s:a-001", "r:x1") for slot in (18, 19)
        ),
        keys=(),
        events=(Event("reserve", NINE - hour),),
        outbox=0,
        day="2026-09-07",
        season="season",
    )
    return replace(made, **fields)


@pytest.mark.parametrize(
    ("applicants", "days", "harm"),
    [
        ((HOLDS, WAITS), [day("reserved")], ""),
        ((HOLDS, replace(WAITS, thing="a-001")), [], "doubles"),
        ((LOST, WAITS), [], "unheld"),
        ((LOST, replace(WAITS, wishes=("a-002",))), [], ""),
        ((LOST, FOLLOWS), [day("reserved")], "kept"),
        ((replace(LOST, lost_at=NINE + timedelta(hours=1)), FOLLOWS), [day("reserved")], ""),
        ((LOST, FOLLOWS), [day("no_show", claims=frozenset())], ""),
    ],
)
def test_each_harm_of_holders_is_found(
    applicants: tuple[StoredApplicant, ...], days: list[Stored], harm: str
) -> None:
    season = StoredSeason("season", ("a-001",), "2026-09-07", "2026-09-07", applicants)
    history = History(ZONE, stored=days, seasons=[season])
    assert [one.kind for one in judge(history)] == ([harm] if harm else [])


def test_who_came_again_has_not_lost_the_seat() -> None:
    came = (Event("reserve", NINE - timedelta(hours=1)), Event("check_in", NINE))
    used = day("finished", claims=frozenset(), events=came, ended_at=NINE + timedelta(minutes=5))
    season = StoredSeason("season", ("a-001",), "2026-09-08", "2026-09-07", (LOST, FOLLOWS))
    history = History(ZONE, stored=[used], seasons=[season], written_until="2026-09-09")
    assert {"ousted", "unwritten"} <= {one.kind for one in judge(history)}
