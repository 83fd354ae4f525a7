"""The choice of seats to print, as typed, and the code printed for each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bind.seat_labels import SeatLabels
from handlers.library.console.seat_lists import chosen_seats, in_order, seat_list
from models.check_in.arrival import RoomLabelScan, SeatLabelScan
from models.kernel.errors import Malformed
from models.kiosks.errors import QrInvalid
from models.library.entities import Area, AreaId, Seat, SeatId, VenueId
from models.library.rooms import RoomId
from models.library.seat_names import is_seat_name, name_key
from models.storage.encryption import FieldCipher

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
def test_seats_and_ranges_of_seats_are_chosen(text: str, wanted: tuple[str, ...]) -> None:
    assert tuple(seat.number for seat in chosen_seats(SEATS, text)) == wanted


@pytest.mark.parametrize("text", ["4", "1-4", "A-14", "1-", "-", "001;x"])
def test_an_unknown_seat_in_a_list_is_named(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        chosen_seats(SEATS, text)
    assert text.split(";")[-1] in str(refused.value.details["reason"])


NAMES = st.lists(
    st.text("01-2aA /.", min_size=1, max_size=4).filter(
        lambda name: is_seat_name(name) and " " not in name.replace(" ", "", 1)
    ),
    min_size=1,
    max_size=8,
    unique_by=name_key,
)


@given(NAMES, st.data())
def test_a_written_choice_of_seats_reads_back_the_same(
    names: list[str], data: st.DataObject
) -> None:
    """With any seat names: 7 beside 07, and 1-2 beside 1 and 2."""
    seats = tuple(Seat(SeatId(f"x-{n}"), AreaId("x"), name, 0, 0) for n, name in enumerate(names))
    chosen = data.draw(st.sets(st.sampled_from(seats), min_size=1))
    area = Area(AreaId("x"), VenueId("v"), "x", 1, 0, 100, 100, seats, ())
    text = seat_list(area, frozenset(seat.id for seat in chosen))
    assert set(chosen_seats(in_order(seats), text)) == chosen, text


def test_seat_labels_stay_valid_while_their_key_is_live() -> None:
    seat = SeatId("2f-hall-065")
    old, new = b"1" * 32, b"2" * 32
    printed = SeatLabels(FieldCipher({1: old}), "https://x").link(seat)
    both = SeatLabels(FieldCipher({1: old, 2: new}), "https://x/")
    assert both.verified(printed) == SeatLabelScan(seat)
    assert both.link(seat) != printed
    assert both.verified(both.link(seat)) == SeatLabelScan(seat)
    with pytest.raises(QrInvalid):
        SeatLabels(FieldCipher({2: new}), "https://x").verified(printed)
    # With an equal id, a seat's label is none of the room.
    label = SeatLabels(FieldCipher({1: old}), "https://x").room_link(RoomId(seat))
    assert both.verified(label) == RoomLabelScan(RoomId(seat))
    for mixed in (label.replace("/s/room/", "/s/"), printed.replace("/s/", "/s/room/")):
        with pytest.raises(QrInvalid):
            both.verified(mixed)
    # The code says nothing else that is hashed with these keys.
    assert printed.partition("=")[2] not in str(FieldCipher({1: old}).hashes(seat, "student_no"))
