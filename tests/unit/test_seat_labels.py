"""Which seats are printed, as people type them."""

from __future__ import annotations

import pytest

from handlers.staff.seat_lists import chosen_seats
from models.kernel.errors import InvalidRequest
from models.library.entities import AreaId, Seat, SeatId

NUMBERS = ("001", "002", "003", "010", "A-12", "A-13", "2F-B07")
SEATS = tuple(Seat(SeatId(f"x-{n}"), AreaId("x"), n, 0, 0) for n in NUMBERS)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", NUMBERS),
        ("002", ("002",)),
        ("2", ("002",)),
        ("10, 1", ("001", "010")),
        ("1-3", ("001", "002", "003")),
        ("003–001，010", ("001", "002", "003", "010")),
        ("A-12", ("A-12",)),
        ("a-12-a-13", ("A-12", "A-13")),
        ("010~2f-b07", ("010", "A-12", "A-13", "2F-B07")),
        ("1-2 2-3", ("001", "002", "003")),
    ],
)
def test_seats_and_rows_of_seats(text: str, wanted: tuple[str, ...]) -> None:
    assert tuple(seat.number for seat in chosen_seats(SEATS, text)) == wanted


@pytest.mark.parametrize("text", ["4", "1-4", "A-14", "1-", "-", "001;x"])
def test_what_is_no_seat_is_named(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        chosen_seats(SEATS, text)
    assert text.split(";")[-1] in str(refused.value.details["reason"])
