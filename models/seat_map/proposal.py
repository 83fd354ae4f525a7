"""Which one seat is proposed to a reader for a time: one that they know, one near it, or one where
there is room."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum

from models.library.entities import Area, AreaId, Seat, SeatId
from models.seat_map.availability import SeatState, SeatStatus


class ProposalReason(StrEnum):
    """Why just that seat."""

    KNOWN = "known"
    NEAR = "near"
    ROOMY = "roomy"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A free seat. ``anchor`` is the seat that the reader knows: the same one, or the one it is
    near to; None where they know none."""

    seat: Seat
    state: SeatState
    reason: ProposalReason
    anchor: Seat | None = None


def propose(
    rooms: Sequence[tuple[Area, int]],
    states_of: Callable[[Area], Sequence[SeatState]],
    known: Iterable[Seat],
    features: Set[str],
    passed_over: Set[SeatId],
    nearest: Callable[[Seat], Sequence[Seat]],
) -> Proposal | None:
    """The seat that is proposed; None where none is free.

    Args:
        rooms: each area with how many of its seats are free for the time in question.
        states_of: the states of an area's seats for that time. Asked for few of them, as there are
            thousands of seats.
        known: the seats that the reader knows, those they like best first.
        features: marks that the seat must have.
        passed_over: seats that the reader did not want a moment ago.
        nearest: the other seats of a seat's area, the nearest first.
    """
    areas = {area.id: area for area, _ in rooms}
    found: dict[AreaId, dict[SeatId, tuple[Seat, SeatState]]] = {}

    def free_in(area: Area) -> dict[SeatId, tuple[Seat, SeatState]]:
        if area.id not in found:
            found[area.id] = {
                seat.id: (seat, state)
                for seat, state in zip(area.seats, states_of(area), strict=True)
                if state.status is SeatStatus.FREE
                and seat.has(features)
                and seat.id not in passed_over
            }
        return found[area.id]

    anchors = [seat for seat in known if seat.area_id in areas]
    for anchor in anchors:
        free = free_in(areas[anchor.area_id])
        if anchor.id in free:
            return Proposal(*free[anchor.id], ProposalReason.KNOWN, anchor)
    for anchor in anchors:
        free = free_in(areas[anchor.area_id])
        near = next((seat for seat in nearest(anchor) if seat.id in free), None) if free else None
        if near is not None:
            return Proposal(*free[near.id], ProposalReason.NEAR, anchor)
    for area, _ in sorted(rooms, key=lambda room: -room[1]):
        if seats := list(free_in(area).values()):
            return Proposal(*seats[len(seats) // 2], ProposalReason.ROOMY)
    return None
