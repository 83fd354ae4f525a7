"""The days of a series of blocks, and what ends and restores a block."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any, Final

import pytest

from models.kernel.errors import Malformed, WrongState
from models.kernel.ids import ReservationId
from models.library.rooms import Room, RoomId, RoomRules
from models.profile.zones import zone_of
from models.reservations.entities import HistoryEntry
from models.reservations.errors import OffGrid
from models.reservations.room_block import RoomBlock, ended, restored
from models.rooms.series import BlockSeries
from tests.builders import BY_READER, VENUE, ZONE, hours, on

MONDAY: Final = date(2026, 9, 7)
SERIES: Final = BlockSeries(
    *("a" * 24, RoomId("r1"), "信息素养课", MONDAY, MONDAY, time(14), time(16))
)
ROOM: Final = Room(RoomId("r1"), VENUE, "研修间", 2, 2, 4, rules=RoomRules(buffer_minutes=30))
BLOCK: Final = RoomBlock(
    *(ReservationId("a-1"), "a-1", RoomId("r1"), VENUE, MONDAY, hours("14:00", "15:00")),
    *("信息素养课", timedelta(minutes=30)),
)


def later(days: int) -> date:
    return MONDAY + timedelta(days=days)


@pytest.mark.parametrize(
    ("change", "days"),
    [
        ({}, [7]),
        ({"last": later(3)}, [7, 8, 9, 10]),
        ({"last": later(14), "weekdays": frozenset({2})}, [8, 15]),
        ({"last": later(14), "weekdays": frozenset({2, 7})}, [8, 13, 15, 20]),
        ({"last": later(3), "but": frozenset({later(1), later(20)})}, [7, 9, 10]),
    ],
)
def test_a_series_has_its_weekdays_without_those_left_out(
    change: dict[str, Any], days: list[int]
) -> None:
    assert [day.day for day in replace(SERIES, **change).dates(MONDAY)] == days


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"title": " "}, "title", "name_length"),
        ({"title": "课\u202e"}, "title", "name_length"),
        ({"start": time(14, 10)}, "start", "not_half_hours"),
        ({"end": time(16, 29)}, "end", "not_half_hours"),
        ({"end": time(14)}, "end", "instants_reversed"),
        ({"end": time(13, 30)}, "end", "instants_reversed"),
        ({"first": later(-1)}, "last", "series_dates"),
        ({"first": later(1)}, "last", "series_dates"),
        ({"last": later(367), "weekdays": frozenset({1})}, "last", "series_dates"),
        ({"last": later(60)}, "last", "series_length"),
        ({"weekdays": frozenset({3})}, "last", "series_length"),
        ({"but": frozenset({MONDAY})}, "last", "series_length"),
    ],
)
def test_a_series_out_of_bounds_names_the_field(
    change: dict[str, Any], field: str, reason: str
) -> None:
    with pytest.raises(Malformed) as refused:
        replace(SERIES, **change).dates(MONDAY)
    assert (refused.value.details["field"], refused.value.details["reason"]) == (field, reason)


MADE: Final = HistoryEntry(on("08:00"), "block", "librarian", "x")


@pytest.mark.parametrize(
    ("change", "minutes", "last"),
    [
        ({}, 120, "16:00"),
        ({"keeps_buffer": False}, 120, "15:30"),
        ({"start": time(22), "end": time(1)}, 180, "01:00"),
    ],
)
def test_a_block_holds_its_stay_and_the_rooms_buffer(
    change: dict[str, Any], minutes: int, last: str
) -> None:
    block = replace(SERIES, **change).block(ZONE, ROOM, MONDAY, ReservationId("a-1"), MADE)
    assert block.span.length == timedelta(minutes=minutes) and block.series == "a"
    hour, minute = map(int, last.split(":"))
    assert block.claims(ZONE)[-1].endswith(f":{2 * hour + minute // 30}")
    assert all(claim.startswith("m:r1:2026-09-0") for claim in block.claims(ZONE))


def test_a_day_without_the_time_has_no_block() -> None:
    berlin, jump = zone_of("Europe/Berlin", 60), date(2027, 3, 28)
    series = replace(SERIES, start=time(2, 30), end=time(4))
    with pytest.raises(OffGrid) as refused:
        series.block(berlin, ROOM, jump, ReservationId("a-1"), MADE)
    assert refused.value.details["left_out"] == "02:30"
    later = series.block(berlin, ROOM, jump + timedelta(days=1), ReservationId("a-2"), MADE)
    assert later.span.length == timedelta(minutes=90)


def test_a_block_is_cancelled_ended_and_restored_until_its_end() -> None:
    cancelled, finished = (ended(BLOCK, BY_READER, on(at)) for at in ("13:59", "14:00"))
    assert [b.history[-1].event for b in (cancelled, finished)] == ["cancel", "finish"]
    assert cancelled.claims(ZONE) == () and ended(cancelled, BY_READER, on("15:30")) is cancelled
    again = restored(cancelled, BY_READER, on("14:59"))
    assert again.claims(ZONE) == BLOCK.claims(ZONE) and restored(again, BY_READER, on("15:30"))
    for change, b in ((ended, BLOCK), (restored, cancelled)):
        with pytest.raises(WrongState):
            change(b, BY_READER, on("15:00"))
