"""Which one seat is proposed to a reader for a time: one that they know, one near it, or one where
there is room."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum

from models.library.entities import Area, Seat, SeatId
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
    areas: Sequence[tuple[Area, Sequence[SeatState]]],
    known: Iterable[Seat],
    features: Set[str],
    passed_over: Set[SeatId],
    nearest: Callable[[Seat], Sequence[Seat]],
) -> Proposal | None:
    """The seat that is proposed; None where none is free.

    Args:
        areas: each area with the states of its seats for the time in question.
        known: the seats that the reader knows, those they like best first.
        features: marks that the seat must have.
        passed_over: seats that the reader did not want a moment ago.
        nearest: the other seats of a seat's area, the nearest first.
    """
    free = {
        seat.id: (seat, state)
        for area, states in areas
        for seat, state in zip(area.seats, states, strict=True)
        if state.status is SeatStatus.FREE and seat.has(features) and seat.id not in passed_over
    }
    anchors = list(known)
    for anchor in anchors:
        if anchor.id in free:
            return Proposal(*free[anchor.id], ProposalReason.KNOWN, anchor)
    for anchor in anchors:
        near = next((seat for seat in nearest(anchor) if seat.id in free), None)
        if near is not None:
            return Proposal(*free[near.id], ProposalReason.NEAR, anchor)
    roomy = max(
        ([seat.id for seat in area.seats if seat.id in free] for area, _ in areas),
        key=len,
        default=[],
    )
    if not roomy:
        return None
    return Proposal(*free[roomy[len(roomy) // 2]], ProposalReason.ROOMY)
