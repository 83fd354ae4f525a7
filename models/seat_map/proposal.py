from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum

from models.library.entities import Area, AreaId, Seat, SeatId
from models.seat_map.availability import SeatState, SeatStatus


class ProposalReason(StrEnum):
    KNOWN = "known"
    NEAR = "near"
    ROOMY = "roomy"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A free seat to propose to a reader. `anchor`: the familiar seat that is proposed or is
    near the proposed one; None if the seat was chosen otherwise."""

    seat: Seat
    state: SeatState
    reason: ProposalReason
    anchor: Seat | None = None


def propose(
    rooms: Sequence[tuple[Area, int]],
    states_of: Callable[[Area], Sequence[SeatState]],
    familiar: Iterable[Seat],
    features: Set[str],
    passed_over: Set[SeatId],
    nearest: Callable[[Seat], Sequence[Seat]],
) -> Proposal | None:
    """The seat to propose first: a familiar one, one near it, or one in the emptiest area; None if
    none is free.

    `rooms`: the areas, with the number of their free seats. `states_of` returns the states of an
    area's seats; it is called for few areas. `familiar`: seats that the reader knows, most liked
    first. `features`: required ones. `passed_over`: seats that the reader has just declined.
    `nearest`: the other seats of a seat's area, nearest first.
    """
    areas = {area.id: area for area, _ in rooms}
    free_by_area: dict[AreaId, dict[SeatId, tuple[Seat, SeatState]]] = {}

    def free_in(area: Area) -> dict[SeatId, tuple[Seat, SeatState]]:
        if area.id not in free_by_area:
            free_by_area[area.id] = {
                seat.id: (seat, state)
                for seat, state in zip(area.seats, states_of(area), strict=True)
                if state.status is SeatStatus.FREE
                and seat.has(features)
                and seat.id not in passed_over
            }
        return free_by_area[area.id]

    anchors = [seat for seat in familiar if seat.area_id in areas]
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
