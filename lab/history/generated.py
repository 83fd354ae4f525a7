"""Generated histories of any size that have a sequential order, to measure the speed of the order
checker.

Clients' calls overlap in time. Each call takes effect at one instant between its begin and its end,
and some calls are never answered; so an order exists, and the checker has to find it. With
``broken`` one seat is given twice, which the checker has to report.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lab.history.order_checker import AT_THE_END, OPEN, Call, Kind

_EACH: Final = 50
"""Calls on one seat's day."""
_LASTS_S: Final = 0.4
"""At most this many seconds lie between the begin of a call and its effect, and between its
effect and its end. On one seat a call takes effect every ``_EVERY_S`` seconds, so calls overlap."""
_EVERY_S: Final = 0.1
_LATE_S: Final = 1e6
"""Seconds at which the double booking begins: after all other calls."""


@dataclass(slots=True)
class _Held:
    booking: str
    slots: int
    in_use: bool


def generate(calls: int, seed: int, broken: bool = False) -> dict[str, list[Call]]:
    """About ``calls`` calls, by the seat's day on which they act. With ``broken`` one seat is
    booked twice."""
    chance = random.Random(seed)
    days = {f"seat {n}": list(_day(chance, n)) for n in range(max(1, calls // _EACH))}
    if broken:
        held = [(n, c) for n, d in days.items() for c in d if c.kind is Kind.HELD_AT_THE_END]
        name, original = chance.choice(held)
        days[name].append(Call(Kind.TAKE, "second", original.slots, _LATE_S, _LATE_S + 1))
    return days


def _day(chance: random.Random, number: int) -> Iterator[Call]:
    held: list[_Held] = []
    for step in range(_EACH - 1):
        at = step * _EVERY_S
        begin, end = at - chance.random() * _LASTS_S, at + chance.random() * _LASTS_S
        if chance.random() < 0.02:
            end = OPEN
        yield _call(chance, held, f"{number}-{step}", begin, end)
    for one in held:
        yield Call(Kind.HELD_AT_THE_END, one.booking, one.slots, AT_THE_END, AT_THE_END)


def _call(chance: random.Random, held: list[_Held], booking: str, begin: float, end: float) -> Call:
    """The next random call on the seat. Updates ``held``, the bookings that have the seat now."""
    if held and chance.random() < 0.5:
        one = chance.choice(held)
        if not one.in_use and chance.random() < 0.3:
            one.in_use = True
            return Call(Kind.USE, one.booking, 0, begin, end)
        held.remove(one)
        return Call(Kind.FINISH if one.in_use else Kind.CANCEL, one.booking, 0, begin, end)
    first = chance.randrange(0, 46)
    slots = sum(1 << n for n in range(first, first + chance.randint(1, 2)))
    if any(one.slots & slots for one in held):
        answered = end if end < OPEN else begin + _LASTS_S  # a refusal is an answer
        return Call(Kind.REFUSED, booking, slots, begin, answered)
    held.append(_Held(booking, slots, False))
    return Call(Kind.TAKE, booking, slots, begin, end)
