"""The draw at an opening: its rounds, and the drawn order that decides each seat."""

from __future__ import annotations

import random
from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.library.entities import SeatId
from models.opening_draw.entities import Outcome, Ticket
from models.opening_draw.rules import (
    LONGEST_WAIT,
    ROUND,
    ROUNDS,
    ROUNDS_BETWEEN,
    ServingOrder,
    round_at,
    round_ends,
    too_early_by,
)
from models.policy.entities import Policy
from tests.builders import MONDAY, TOMORROW, ZONE

OPENS = ZONE.instant(MONDAY, time(10))
FIRST = round_at(OPENS, OPENS) or 0
SECOND = timedelta(seconds=1)
ANSWER_LIMIT = timedelta(seconds=5)


@pytest.mark.parametrize(
    ("after", "round"),
    [
        (-SECOND, 0),  # another host's clock is ahead
        (0 * SECOND, 0),
        (ROUND - timedelta(milliseconds=1), 0),
        (ROUND, 1),
        (ROUNDS * ROUND - timedelta(milliseconds=1), ROUNDS - 1),
        (ROUNDS * ROUND, None),
        (timedelta(days=1), None),
    ],
)
def test_draw_rounds_follow_each_other(after: timedelta, round: int | None) -> None:
    number = round_at(OPENS, OPENS + after)
    assert number == (None if round is None else FIRST + round)
    assert number is None or round_ends(number) == OPENS + (number - FIRST + 1) * ROUND


def test_a_request_in_the_draw_waits_within_the_answer_limit() -> None:
    for ms in range(0, 20_000, 10):
        now = OPENS + timedelta(milliseconds=ms)
        number = round_at(OPENS, now)
        if number is None:
            continue
        assert timedelta() < round_ends(number) - now <= ROUND
        for later in range(number, number + ROUNDS_BETWEEN + 1):
            early = too_early_by(later, now)
            wait = round_ends(later) - now
            assert (early is None) == (wait <= LONGEST_WAIT)
            assert early is None or wait - early == LONGEST_WAIT
    assert LONGEST_WAIT + 2 * SECOND < ANSWER_LIMIT


def test_only_days_with_an_opening_to_come_are_drawn() -> None:
    drawn = Policy(booking_opens_at=time(10), opening_draw=True)
    assert drawn.draw_opens_at(ZONE, TOMORROW, OPENS) == OPENS
    assert drawn.draw_opens_at(ZONE, MONDAY, OPENS) is None, "today needs no opening"
    assert Policy(booking_opens_at=time(10)).draw_opens_at(ZONE, TOMORROW, OPENS) is None
    assert Policy(opening_draw=True).draw_opens_at(ZONE, TOMORROW, OPENS) is None


def ticket(reader: int, seat: int, start: int, hours: int) -> Ticket:
    begin = ZONE.instant(TOMORROW, time(start))
    span = TimeRange(begin, begin + timedelta(hours=hours))
    return Ticket(TOMORROW, ReaderId(f"r{reader}"), 0, SeatId(f"s{seat}"), span, "")


WISHES = st.lists(st.tuples(st.integers(0, 2), st.integers(8, 12), st.integers(1, 3)), max_size=25)


def winners_one_by_one(tickets: list[Ticket]) -> set[str]:
    """The winners if all are served one after the other."""
    taken: set[object] = set()
    winners = set()
    for one in tickets:
        slots = {(one.seat_id, slot) for slot in ZONE.half_hour_slots(one.span)}
        if taken.isdisjoint(slots):
            taken |= slots
            winners.add(one.id)
    return winners


@given(WISHES, st.integers(0, 2**32))
def test_concurrent_serving_has_the_winners_of_serving_one_by_one(
    wishes: list[tuple[int, int, int]], seed: int
) -> None:
    """However long each takes and whichever are served concurrently."""
    rng = random.Random(seed)
    tickets = [ticket(number, *wish) for number, wish in enumerate(wishes)]
    by_id = {one.id: one for one in tickets}
    order = ServingOrder(ZONE, tickets)
    under_way, taken, winners, called = order.first(), set[object](), set[str](), 0
    while under_way:
        called += 1
        id = under_way.pop(rng.randrange(len(under_way)))
        slots = {(by_id[id].seat_id, slot) for slot in ZONE.half_hour_slots(by_id[id].span)}
        won = taken.isdisjoint(slots)
        if won:
            taken |= slots
            winners.add(id)
        under_way += order.served(id, Outcome.WON if won else Outcome.SEAT_TAKEN)
        assert order.served(id, Outcome.REFUSED) == [], "an outcome counts once"
    assert called == len(tickets) and order.rest() == [] and order.unserved() == []
    assert winners == winners_one_by_one(tickets)


def test_after_a_win_all_losing_tickets_are_served_at_once() -> None:
    order = ServingOrder(ZONE, [ticket(number, 0, 8, 2) for number in range(100)])
    (first,) = order.first()
    assert len(order.rest()) == 99 and order.unserved()
    assert len(order.served(first, Outcome.WON)) == 99
    order = ServingOrder(ZONE, [ticket(number, 0, 8, 2) for number in range(100)])
    (first,) = order.first()
    assert len(order.served(first, Outcome.SEAT_TAKEN)) == 99


def test_a_refused_ticket_passes_the_turn_to_the_next() -> None:
    order = ServingOrder(ZONE, [ticket(number, 0, 8, 2) for number in range(3)])
    (first,) = order.first()
    (second,) = order.served(first, Outcome.REFUSED)
    assert second == ticket(1, 0, 8, 2).id
    assert order.served("of another round", Outcome.WON) == []
