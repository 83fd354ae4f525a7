"""Seat names: valid ones, their order, and the ids made from them."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kernel.text import natural
from models.library.entities import AreaId
from models.library.seat_names import is_id_of, is_seat_name, name_key, new_ids, tidy

KEPT: dict[str, str] = {
    "065": "065",
    " A-12 ": "A-12",
    "２Ｆ－Ｂ０７": "2F-B07",
    "A—12": "A-12",
    "甲区\u300012": "甲区 12",
    "A  1": "A 1",
    "1.2/3": "1.2/3",
    "Ж7": "Ж7",
    "ABCDEFGHIJKLMNOPQR12": "ABCDEFGHIJKLMNOPQR12",
}
REFUSED = (
    *("", " ", "-", "A-", "-A", "=1", "A+1", "@1", "<b>", "A_1", "A\x001", "A\u202e1", "🪑"),
    *("٠٦٥", "A\u0301\u0302", "ABCDEFGHIJKLMNOPQRS12", "A,1", "A\\1"),
)


def test_seat_names_are_normalised_or_refused() -> None:
    assert {typed: tidy(typed) for typed in KEPT} == KEPT
    assert all(is_seat_name(name) for name in KEPT.values())
    assert [name for name in REFUSED if is_seat_name(tidy(name))] == []
    assert name_key("ａ－12") == name_key("A-12") != name_key("A-1")


def test_seat_names_sort_in_natural_order() -> None:
    right = ["001", "2", "2F-B7", "2F-B07", "10", "010", "A-2", "A-12", "B-1", "甲2", "甲10"]
    assert sorted(reversed(right), key=natural) == right


@given(st.lists(st.text(max_size=12), max_size=8))
def test_the_natural_order_is_total(names: list[str]) -> None:
    assert sorted(names, key=natural) == sorted(reversed(names), key=natural)
    assert len({natural(name) for name in names}) == len(set(names))


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("065", "a-065", "a-065-2"),
        ("A-12", "a-sa12", "a-sa12x2"),
        ("12", "a-s12", "a-s12x2"),
        ("甲", "a-s", "a-sx2"),
    ],
)
def test_seat_ids_are_usable_in_urls(name: str, first: str, second: str) -> None:
    assert list(islice(new_ids(AreaId("a"), name), 2)) == [first, second]


NAMES = st.sampled_from(["001", "002", "2", "12", "A-12", "s12", "b-001", "甲"])
AREAS = st.sampled_from(["a", "a-b", "a-001", "a-s12", "a-sa12", "a-b-001"])


@given(AREAS, AREAS, NAMES, NAMES)
def test_seat_ids_of_two_areas_never_collide(one: str, other: str, name: str, theirs: str) -> None:
    """Both areas may add a seat at the same moment; area a-001 and a second seat 001 of area a
    are the critical pair."""
    mine = set(islice(new_ids(AreaId(one), name), 30))
    assert all(is_id_of(AreaId(one), id) for id in mine)
    if one != other:
        assert mine.isdisjoint(islice(new_ids(AreaId(other), theirs), 30))
