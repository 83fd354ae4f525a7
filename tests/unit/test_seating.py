"""Groups of seats for people who want to sit together."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.library.entities import Area, Catalog, Venue, VenueId
from models.seat_map.seating import GroupFinder, Seating
from tests.unit.plans import area_of, column, row

PAIRS_OF_ROWS = [*row(100, 5), *row(164, 5), *row(234, 5), *row(298, 5)]


def finder(area: Area, free: set[int]) -> GroupFinder:
    catalog = Catalog("1", {VenueId("v"): Venue(VenueId("v"), "V")}, {area.id: area}, {})
    return GroupFinder(catalog, area, [area.seats[n] for n in sorted(free)])


@pytest.mark.parametrize(
    ("places", "taken", "first", "people", "numbers", "seating"),
    [
        (PAIRS_OF_ROWS, set(), 2, 2, {1, 2}, Seating.SIDE_BY_SIDE),
        (PAIRS_OF_ROWS, {1, 3}, 2, 2, {2, 7}, Seating.OPPOSITE),
        (PAIRS_OF_ROWS, set(), 0, 4, {0, 1, 5, 6}, Seating.ONE_TABLE),
        # The back of the next row is nearer than the end of the own table, and another table.
        (PAIRS_OF_ROWS, {5, 7}, 6, 2, {1, 6}, Seating.OPPOSITE),
        (PAIRS_OF_ROWS, {0, 1, 2, 3, 5, 7}, 6, 2, {6, 8}, Seating.ONE_TABLE),
        (row(20, 6, pitch=64), set(), 0, 3, {0, 1, 2}, Seating.ONE_ROW),
        ([*row(20, 2, pitch=64), *column(700, 2, 600, 200)], {1}, 0, 2, {0, 2}, Seating.NEAR),
    ],
)
def test_the_closest_seats_around_one(
    places: list[tuple[int, int]],
    taken: set[int],
    first: int,
    people: int,
    numbers: set[int],
    seating: Seating,
) -> None:
    area = area_of(places)
    groups = finder(area, {*range(len(places))} - taken)
    group = groups.around(area.seats[first], people)
    assert group is not None and group.seats[0] == area.seats[first]
    assert ({int(seat.number) for seat in group.seats}, groups.seating(group)) == (numbers, seating)


def test_the_best_group_of_an_area_is_at_one_table() -> None:
    area = area_of(PAIRS_OF_ROWS)
    groups = finder(area, {0, 2, 4, 13, 14, 18, 19})
    best = groups.best(4)
    assert best is not None and {seat.number for seat in best.seats} == {"13", "14", "18", "19"}
    assert groups.best(8) is None and groups.around(area.seats[0], 8) is None


@given(st.sets(st.integers(0, 19), min_size=1), st.integers(2, 6), st.data())
def test_a_group_has_free_seats_once_each_and_no_swap_of_two_people_is_closer(
    free: set[int], people: int, data: st.DataObject
) -> None:
    area = area_of(PAIRS_OF_ROWS)
    groups, first = finder(area, free), area.seats[data.draw(st.sampled_from(sorted(free)))]
    group = groups.around(first, people)
    if group is None:
        assert len(free) < people
        return
    numbers = [int(seat.number) for seat in group.seats]
    assert len(set(numbers)) == people and set(numbers) <= free
    best = groups.best(people)
    assert best is not None and best.spread <= group.spread
    if people == 2:
        pairs = (groups.of(area.seats[n] for n in pair) for pair in combinations(free, 2))
        assert best.spread == min(pair.spread for pair in pairs)
