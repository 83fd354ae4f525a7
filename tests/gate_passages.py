"""Gate passages of a reader, applied to a reservation."""

from __future__ import annotations

from models.gates.entities import Direction, GateEvent, GateId
from models.gates.replay import derive_presence
from models.policy.entities import Policy
from models.reservations.entities import Reservation
from tests.builders import ZHANG, ZONE, on

POLICY = Policy()
EVENING = on("22:00")
GATE = GateId("main")
HERE = frozenset({GATE})
ELSEWHERE = GateId("east")
"""This gate is of another venue."""


def gate_event(text: str) -> GateEvent:
    """A gate event from ``in 13:40`` or ``out 14:10:30``; ``in 13:40 east`` is at the other
    gate."""
    way, clock, *other = text.split(" ")
    gate = ELSEWHERE if other else GATE
    return GateEvent(f"main:{text}", gate, ZHANG, Direction(way), "card", on(clock), late=False)


def after(
    r: Reservation, *gate_events: str, told: str = "22:00", free_from: str = ""
) -> Reservation:
    free = on(free_from) if free_from else None
    return derive_presence(
        ZONE, r, POLICY, [gate_event(p) for p in gate_events], HERE, free, on(told), EVENING
    )[0]
