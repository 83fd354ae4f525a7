"""The proposed seat: one that the reader knows, one near it, or one with room around it."""

from __future__ import annotations

import pytest

from models.library.entities import Area, AreaId, Seat, SeatId
from models.seat_map.availability import UNAVAILABLE, SeatState, SeatStatus
from models.seat_map.proposal import ProposalReason, propose
from tests.builders import VENUE

FREE = SeatState(SeatStatus.FREE, None, None)
TAKEN = SeatState(SeatStatus.OCCUPIED, None, None)


def area(name: str, states: str) -> tuple[Area, list[SeatState]]:
    """An area from a drawing: ``.`` is a free seat, ``p`` one with a socket, ``x`` a taken one,
    ``-`` a disabled one."""
    seats = tuple(
        Seat(SeatId(f"{name}{n}"), AreaId(name), str(n), 50 * n, 0, power=sign == "p")
        for n, sign in enumerate(states)
    )
    kinds = {".": FREE, "p": FREE, "x": TAKEN, "-": UNAVAILABLE}
    return Area(AreaId(name), VENUE, name, 1, 0, 500, 100, seats, ()), [kinds[s] for s in states]


def rooms(areas: list[tuple[Area, list[SeatState]]]) -> list[tuple[Area, int]]:
    return [(one, states.count(FREE)) for one, states in areas]


@pytest.mark.parametrize(
    ("known", "passed_over", "features", "wanted"),
    [
        ([], [], [], ("b3", ProposalReason.ROOMY)),
        (["a1"], [], [], ("a1", ProposalReason.KNOWN)),
        (["a2", "a1"], [], [], ("a1", ProposalReason.KNOWN)),  # the first is taken
        (["a2"], [], [], ("a1", ProposalReason.NEAR)),
        (["a2"], ["a1"], [], ("a0", ProposalReason.NEAR)),
        (["a1"], ["a1"], [], ("a0", ProposalReason.NEAR)),
        (["a2"], [], ["power"], ("a4", ProposalReason.NEAR)),
        ([], ["b2", "b3"], [], ("b4", ProposalReason.ROOMY)),
        (["a2"], ["a0", "a1", "a4"], [], ("b3", ProposalReason.ROOMY)),
        ([], [], ["window"], None),
    ],
)
def test_the_proposed_seat_is_known_near_or_roomy(
    known: list[str],
    passed_over: list[str],
    features: list[str],
    wanted: tuple[str, ProposalReason] | None,
) -> None:
    areas = [area("a", "..x-p"), area("b", "x....")]
    seats = {seat.id: seat for one, _ in areas for seat in one.seats}

    def nearest(seat: Seat) -> list[Seat]:
        beside = [one for one in seats.values() if one.area_id == seat.area_id and one != seat]
        return sorted(beside, key=lambda one: (abs(one.x - seat.x), one.x))

    proposal = propose(
        rooms(areas),
        lambda one: next(states for a, states in areas if a.id == one.id),
        [seats[SeatId(id)] for id in known],
        set(features),
        {SeatId(id) for id in passed_over},
        nearest,
    )
    assert (proposal and (proposal.seat.id, proposal.reason)) == wanted


def test_nothing_is_proposed_where_nothing_is_free() -> None:
    areas = [area("a", "xx"), area("b", "")]
    states = {one.id: state for one, state in areas}
    for offered in (rooms(areas), []):
        proposal = propose(offered, lambda one: states[one.id], [], set(), set(), lambda seat: [])
        assert proposal is None
