"""The simulated proofs in short: the service does no harm, and each planted mistake is found."""

from __future__ import annotations

from typing import Final

import pytest

from lab.proof.explorer import Explorer
from lab.proof.parts import LONG, find_bug, library, play_seed
from lab.proof.planted_bugs import PLANTS
from lab.proof.scenarios import scenarios
from lab.proof.seeded_days import READERS, play
from lab.proof.simulated_library import across_midnight, over_a_jump
from lab.proof.visitors import SEATS

ACROSS_MIDNIGHT: Final = (
    "one reader wants two seats, another one of them",
    "an offer is accepted, lapses, and the next one waits",
    "somebody stays longer in the last moment",
    "two friends accept one seat that is held",
    "the last person confirms in the last moment, another wants the room",
)
"""The scenarios that this test runs in odd nights; scripts/prove runs all of them."""
MANY_ORDERS: Final = LONG | {
    "three want one seat, one of them at both workers",
    "a repetition of a change is refused, and the seat is given back",
    "an offer is declined while it lapses, and the next one waits",
    "a room is changed while another confirms, and a third wants the new time",
    "a request for a room is approved while it is withdrawn, another wants the room",
    "people come to a room in the last moment, and the no-show",
    "the last person confirms in the last moment, another wants the room",
}
"""Scenarios that take five seconds and more with faults; scripts/prove plays them with faults."""
ALL: Final = {scenario.name: scenario for scenario in scenarios()}


assert ALL.keys() >= MANY_ORDERS


@pytest.mark.parametrize("name", ALL)
def test_no_order_of_concurrent_requests_does_harm(name: str, long: bool) -> None:
    faults = 1 if long or name not in MANY_ORDERS else 0
    explored = Explorer(ALL[name], library(ALL[name].seats, 4), faults=faults).explore()
    assert explored.harm == []
    assert explored.runs > 1, "there were orders to try"


@pytest.mark.parametrize("hours", ["across", "jump"])
@pytest.mark.parametrize("name", ACROSS_MIDNIGHT)
def test_no_order_does_harm_in_an_odd_night(name: str, hours: str) -> None:
    with across_midnight() if hours == "across" else over_a_jump():
        scenario = {scenario.name: scenario for scenario in scenarios()}[name]
        world = library(scenario.seats, 4, hours)
        explored = Explorer(scenario, world, faults=0).explore()
    assert explored.harm == [] and explored.runs > 1


@pytest.mark.parametrize("name", PLANTS)
def test_each_planted_bug_is_found(name: str) -> None:
    harm, runs = find_bug(name)
    assert harm and runs > 0


@pytest.mark.parametrize("name", ["no index", "update by _id alone"])
def test_each_planted_bug_is_found_across_midnight(name: str) -> None:
    harm, runs = find_bug(name, "across")
    assert harm and runs > 0


def test_simulated_days_do_no_harm() -> None:
    days = [play_seed(seed) for seed in range(2000, 2012)]  # six of them cross midnight, one a jump
    assert [day.harm for day in days] == [[] for _ in days]
    assert sum(day.acknowledged for day in days) > 500 and sum(day.faults for day in days) > 100


def test_the_same_seed_gives_the_same_day() -> None:
    first, second = (play_seed(7) for _ in range(2))
    assert first == second
    assert first not in (play_seed(8), play(7, library(SEATS, READERS)))


def test_the_days_find_people_in_a_room_and_elsewhere() -> None:
    with PLANTS["who confirms a room claims no time"].around():
        days = (play(seed, library(SEATS, READERS)) for seed in range(20))
        assert any(harm.startswith("doubles: reader") for day in days for harm in day.harm)


def test_the_days_find_a_missing_index() -> None:
    """The days find the missing index by themselves, without the explorer."""
    plant = PLANTS["no index"].plant
    for hours in ("day", "night"):
        days = (play(seed, library(SEATS, READERS, hours), plant) for seed in range(20))
        assert any("doubles" in harm for day in days for harm in day.harm), hours
