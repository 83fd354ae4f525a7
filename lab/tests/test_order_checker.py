"""The order checker finds orders, reports histories that have none, and is quick."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from math import inf
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.history.generated import generate
from lab.history.order_checker import (
    AT_THE_END,
    FREE,
    OPEN,
    Call,
    Kind,
    applied,
    check,
)

MORNING, NOON, BOTH = 0b0011, 0b1100, 0b1111


def call(kind: Kind, booking: str, slots: int, begin: float, end: float = OPEN) -> Call:
    return Call(kind, booking, slots, begin, end)


def held(booking: str, slots: int) -> Call:
    return call(Kind.HELD_AT_THE_END, booking, slots, AT_THE_END, AT_THE_END)


TAKEN = call(Kind.TAKE, "a", MORNING, 0, 1)
HISTORIES: dict[str, tuple[list[Call], bool]] = {
    "two at different times": ([TAKEN, call(Kind.TAKE, "b", NOON, 0, 1)], True),
    "two at one time": ([TAKEN, call(Kind.TAKE, "b", BOTH, 0, 1)], False),
    "the second after the first was given back": (
        [TAKEN, call(Kind.CANCEL, "a", 0, 2, 3), call(Kind.TAKE, "b", BOTH, 4, 5)],
        True,
    ),
    "the second before the first was given back": (
        [TAKEN, call(Kind.TAKE, "b", BOTH, 2, 3), call(Kind.CANCEL, "a", 0, 4, 5)],
        False,
    ),
    "the second while the first is being given back": (
        [TAKEN, call(Kind.TAKE, "b", BOTH, 2, 6), call(Kind.CANCEL, "a", 0, 4, 5)],
        True,
    ),
    "refused while another has it": ([TAKEN, call(Kind.REFUSED, "", BOTH, 2, 3)], True),
    "refused before another has it": ([call(Kind.REFUSED, "", BOTH, -2, -1), TAKEN], False),
    "refused, and nobody has it": ([call(Kind.REFUSED, "", NOON, 2, 3), TAKEN], False),
    "an unanswered booking explains a later refusal": (
        [call(Kind.TAKE, "a", MORNING, 0), call(Kind.REFUSED, "", BOTH, 5, 6)],
        True,
    ),
    "an unanswered booking cannot come before it was asked for": (
        [call(Kind.TAKE, "a", MORNING, 7), call(Kind.REFUSED, "", BOTH, 5, 6)],
        False,
    ),
    "held at the end": ([TAKEN, held("a", MORNING)], True),
    "given back, and held at the end": (
        [TAKEN, call(Kind.CANCEL, "a", 0, 2, 3), held("a", MORNING)],
        False,
    ),
    "an offer is no seat in use": (
        [call(Kind.OFFER, "a", MORNING, 0, 1), call(Kind.USE, "a", 0, 2, 3)],
        False,
    ),
    "an offer that is accepted": (
        [
            call(Kind.OFFER, "a", MORNING, 0, 1),
            call(Kind.ACCEPT, "a", 0, 2, 3),
            call(Kind.USE, "a", 0, 4, 5),
            call(Kind.FINISH, "a", 0, 6, 7),
        ],
        True,
    ),
    "an offer that lapses and is accepted": (
        [
            call(Kind.OFFER, "a", MORNING, 0, 1),
            call(Kind.ACCEPT, "a", 0, 2, 3),
            call(Kind.LAPSE, "a", 0, 2, 3),
        ],
        False,
    ),
    "a cancelled stay": (
        [TAKEN, call(Kind.USE, "a", 0, 2, 3), call(Kind.CANCEL, "a", 0, 4, 5)],
        False,
    ),
    "an extension into another's time": (
        [
            TAKEN,
            call(Kind.TAKE, "b", NOON, 0, 1),
            call(Kind.USE, "a", 0, 2, 3),
            call(Kind.EXTEND, "a", BOTH, 4, 5),
        ],
        False,
    ),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_only_possible_histories_have_an_order(name: str) -> None:
    calls, possible = HISTORIES[name]
    assert (check({"seat": calls}) == []) is possible


def _any_order(calls: list[Call]) -> bool:
    """Tries all orders."""
    for order in permutations(calls):
        state = FREE
        for position, one in enumerate(order):
            if any(later.end < one.begin for later in order[position + 1 :]):
                break
            after = applied(state, one)
            if after is None:
                break
            state = after
        else:
            return True
    return False


@st.composite
def some_calls(draw: st.DrawFn) -> list[Call]:
    calls = []
    for _ in range(draw(st.integers(1, 6))):
        begin = draw(st.integers(0, 6))
        end = draw(st.one_of(st.just(OPEN), st.integers(begin, 8)))
        kind = draw(st.sampled_from([k for k in Kind if k is not Kind.HELD_AT_THE_END]))
        slots = draw(st.sampled_from([0, MORNING, NOON, BOTH]))
        calls.append(call(kind, draw(st.sampled_from("abc")), slots, begin, end))
    return calls


@settings(max_examples=400, deadline=None)
@given(some_calls())
def test_the_checker_agrees_with_trying_all_orders(calls: list[Call]) -> None:
    assert (check({"seat": calls}) == []) is _any_order(calls)


@pytest.mark.timeout(20)
def test_one_double_is_found_among_many_calls() -> None:
    """The history is a tenth of what scripts/prove checks in a minute."""
    calls = generate(100_000, seed=3)
    assert check(calls) == []
    (disorder,) = check(generate(100_000, seed=3, broken=True))
    assert "second" in str(disorder)


@pytest.mark.timeout(20)
def test_an_order_is_found_without_a_common_clock() -> None:
    """The race tests record no common clock, since their jobs run by clocks of their own. Only
    the steps of each booking are in order, and any of forty calls may have come first."""
    days = generate(2_000, seed=5)
    timeless = {
        day: [
            replace(one, begin=-inf, end=OPEN, order=n)
            for n, one in enumerate(calls)
            if one.kind is not Kind.REFUSED and one.kind is not Kind.HELD_AT_THE_END
        ]
        for day, calls in days.items()
    }
    shuffled = {day: Random(day).sample(calls, len(calls)) for day, calls in timeless.items()}
    assert max(map(len, shuffled.values())) > 35
    assert check(shuffled) == []
    two = [call(Kind.TAKE, name, BOTH, -inf) for name in ("double", "second")]
    day = next(iter(shuffled))
    disorders = check({day: [*shuffled[day], *two]})
    assert [one.booking for disorder in disorders for one in disorder.calls if one in two]
