"""Valid plans of an area: the first problem of a draft is reported."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from models.kernel.errors import Malformed
from models.library.entities import (
    SEAT_SIZE,
    Area,
    AreaId,
    Fixture,
    Seat,
    SeatDraft,
    SeatId,
    VenueId,
)
from models.library.plan_editing import LARGEST, MOST_MARKS, MOST_SEATS, PlanDraft, apply_draft

HALL = AreaId("2f-hall")
WALL = Fixture("wall", 0, 0, 400, 10)
AREA = Area(
    *(HALL, VenueId("library"), "二层中厅", 2, 0, 400, 300),
    seats=(
        Seat(SeatId("2f-hall-010"), HALL, "010", 20, 20),
        Seat(SeatId("2f-hall-011"), HALL, "011", 70, 20),
    ),
    fixtures=(WALL,),
)
ELSEWHERE = {SeatId("3f-hall-001"), SeatId("2f-hall-012")}
RIGHT = PlanDraft(
    *("二层中厅", 2, 400, 300),
    seats=[SeatDraft("010", 20, 20, "2f-hall-010"), SeatDraft("011", 70, 20, "2f-hall-011")],
    marks=[WALL],
)


def reason_of(draft: PlanDraft) -> str:
    """The reason for which the draft is refused; empty if it is accepted."""
    try:
        apply_draft(AREA, draft, ELSEWHERE)
    except Malformed as refusal:
        return str(refusal.details["reason"])
    return ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, ""),
        ({"name": ""}, "area_name_length"),
        ({"name": "长" * 20}, ""),
        ({"name": "长" * 41}, "area_name_length"),
        ({"name": "a\x00"}, "area_name_length"),
        ({"floor": -9}, ""),
        ({"floor": -10}, "floor_out_of_range"),
        ({"floor": 100}, "floor_out_of_range"),
        ({"width": SEAT_SIZE - 1}, "plan_size"),
        ({"height": LARGEST}, ""),
        ({"height": LARGEST + 1}, "plan_size"),
        ({"width": 109, "marks": []}, "seat_outside_plan"),
        ({"marks": [replace(WALL, kind="sofa")]}, "unknown_fixture"),
        ({"marks": [replace(WALL, w=0)]}, "fixture_outside_plan"),
        ({"marks": [replace(WALL, x=1)]}, "fixture_outside_plan"),
        ({"marks": [WALL] * (MOST_MARKS + 1)}, "too_many_fixtures"),
        ({"seats": [SeatDraft("001", 0, 0)] * (MOST_SEATS + 1)}, "too_many_seats"),
    ],
)
def test_a_plan_needs_a_name_a_size_and_all_seats_within_it(
    change: dict[str, Any], reason: str
) -> None:
    assert reason_of(replace(RIGHT, **change)) == reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"no": "０１２", "id": None}, ""),
        ({"no": "06<"}, "seat_number_format"),
        ({"no": "-"}, "seat_number_format"),
        ({"no": "ABCDEFGHIJKLMNOPQRSTU"}, "seat_number_format"),
        ({"no": "٠٦٥"}, "seat_number_format"),
        ({"no": "０１１"}, "seat_number_twice"),
        ({"x": -1}, "seat_outside_plan"),
        ({"x": 70, "y": 20 + SEAT_SIZE - 1}, "seats_overlap"),
        ({"x": 70, "y": 20 + SEAT_SIZE}, ""),
        ({"disabled": ""}, "unavailability_reason_length"),
        ({"disabled": "长" * 51}, "unavailability_reason_length"),
        ({"disabled_from": date(2026, 9, 8)}, "unavailability_reason_missing"),
        (
            {
                **{"disabled": "维修", "disabled_from": date(2026, 9, 8)},
                "disabled_until": date(2026, 9, 7),
            },
            "unavailability_dates",
        ),
        ({"id": "3f-hall-001"}, "seat_id_not_allowed"),
        ({"id": "2f-hall-012"}, "seat_id_not_allowed"),
        ({"id": "2f-hall-013"}, ""),
        ({"id": "2f-hall-011"}, "seat_id_twice"),
        ({"id": "../x"}, "seat_id_not_allowed"),
        ({"id": "2f-hall-east-001"}, "seat_id_not_allowed"),  # it could be another area's
    ],
)
def test_seats_of_a_plan_need_distinct_places_numbers_and_ids(
    change: dict[str, Any], reason: str
) -> None:
    first, second = RIGHT.seats
    assert reason_of(replace(RIGHT, seats=[replace(first, **change), second])) == reason
