"""Checks that the answers could have been given by calls that happened one after the other
(linearizability).

Each seat's day and each reader's day is an object with a sequential model: every half hour is free,
offered, booked or in use. A call took effect at one moment between its request and its answer;
without an answer, at any moment since its request. The checker looks for an order of these moments
that the model allows. Objects are independent, so each is checked alone (Herlihy and Wing,
"Linearizability", 1990). Within a day, groups of bookings that share no half hour are checked
alone, too. The search is the algorithm of Wing and Gong with Lowe's memory of visited states
("Testing for linearizability", 2016).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from math import inf
from operator import attrgetter
from typing import Final

OFFERED: Final = 0
BOOKED: Final = 1
IN_USE: Final = 2
State = frozenset[tuple[str, int, int]]
"""The bookings that have the object, each as (booking, its half hours as bits, phase). Empty:
the object is free."""
FREE: Final[State] = frozenset()
OPEN: Final = 1e15
"""The ``end`` of a call that took effect and was never answered: later than any instant, but
before ``AT_THE_END``."""
AT_THE_END: Final = 2e15
_SEARCH_LIMIT: Final = 2_000_000


class Kind(Enum):
    """The effects of calls."""

    OFFER = "is offered"
    TAKE = "is booked"
    MOVE = "is moved"
    """The booking gets other half hours of the same object."""
    ACCEPT = "is accepted"
    USE = "is in use"
    EXTEND = "is extended"
    CANCEL = "is cancelled"
    LEAVE_TO = "is given up for another"
    FINISH = "is finished"
    LAPSE = "lapses"
    REFUSED = "is refused as taken"
    HELD_AT_THE_END = "is held at the end"


_FROM: Final[Mapping[Kind, frozenset[int]]] = {
    Kind.MOVE: frozenset({BOOKED, IN_USE}),
    Kind.ACCEPT: frozenset({OFFERED}),
    Kind.USE: frozenset({BOOKED, IN_USE}),  # a scan that is sent twice succeeds twice
    Kind.EXTEND: frozenset({IN_USE}),
    Kind.CANCEL: frozenset({BOOKED}),
    Kind.LEAVE_TO: frozenset({BOOKED, IN_USE}),
    Kind.FINISH: frozenset({IN_USE}),
    Kind.LAPSE: frozenset({OFFERED}),
}
"""The phases in which a booking can be for a call of each kind."""
_GIVES_BACK: Final = frozenset({Kind.CANCEL, Kind.LEAVE_TO, Kind.FINISH, Kind.LAPSE})


@dataclass(frozen=True, slots=True)
class Call:
    """One call on one object.

    ``slots``: the booking's half hours of the day after the call, as bits; 0 if the call does not
    change them. ``begin``, ``end``: seconds on one clock; ``end`` is ``OPEN`` without an answer.
    ``text``: who called, for people. ``order``: the call's position among the booking's own calls;
    None if it is not known.
    """

    kind: Kind
    booking: str
    slots: int
    begin: float
    end: float
    text: str = ""
    order: int | None = None


@dataclass(frozen=True, slots=True)
class Disorder:
    """An object whose calls allow no order, with these calls."""

    thing: str
    calls: Sequence[Call]

    def __str__(self) -> str:
        lines = (
            f"  {_clock(call.begin)}–{_clock(call.end)} {call.booking or '-'} {call.kind.value} "
            f"{_hours(call.slots)} {call.text}".rstrip()
            for call in self.calls
        )
        return "\n".join((f"{self.thing}: no order of these is possible", *lines))


def _clock(seconds: float) -> str:
    return "…" if abs(seconds) >= OPEN else f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S.%f}"


def _hours(slots: int) -> str:
    return ",".join(f"{n // 2:02}:{n % 2 * 3}0" for n in range(48) if slots >> n & 1)


def applied(state: State, call: Call) -> State | None:
    """The state after the call; None if the call is not possible in ``state``."""
    kind, own, others = call.kind, None, 0
    for one in state:
        if one[0] == call.booking:
            own = one
        else:
            others |= one[1]
    if kind is Kind.REFUSED:
        return state if others & call.slots else None
    if kind is Kind.HELD_AT_THE_END:
        return state if own is not None and own[1] == call.slots else None
    if kind is Kind.TAKE or kind is Kind.OFFER:
        if own is not None or others & call.slots:
            return None
        phase = BOOKED if kind is Kind.TAKE else OFFERED
        return state | {(call.booking, call.slots, phase)}
    if own is None or own[2] not in _FROM[kind]:
        return None
    if kind in _GIVES_BACK:
        return state - {own}
    slots, phase = call.slots or own[1], own[2]
    if kind is Kind.USE or kind is Kind.EXTEND:
        slots |= own[1]
    if others & slots:
        return None
    if kind is Kind.ACCEPT:
        phase = BOOKED
    elif kind is Kind.USE:
        phase = IN_USE
    return state - {own} | {(call.booking, slots, phase)}


class SearchTooLong(Exception):
    """The search gave up: too many calls overlap to find an order, or to exclude one, in bounded
    work."""


def check(objects: Mapping[str, Iterable[Call]]) -> list[Disorder]:
    """The objects whose calls allow no order. Raises: SearchTooLong."""
    disorders = []
    for thing, calls in objects.items():
        ordered = sorted(calls, key=attrgetter("begin"))
        if _fits(sorted(ordered, key=_moment)) or _fits(ordered):
            continue
        for alone in _independent(ordered):
            if not _search(sorted(alone, key=_moment)):
                disorders.append(Disorder(thing, sorted(alone, key=attrgetter("begin"))))
    return disorders


def _independent(calls: Sequence[Call]) -> list[list[Call]]:
    """Splits the calls into groups whose bookings never share a half hour. Whether one group has
    an order does not depend on the others."""
    parts: list[tuple[set[str], int, list[Call]]] = []
    for call in calls:
        # A refusal without a booking belongs only to its half hours.
        bookings = {call.booking} - {""}
        slots, together = call.slots, [call]
        apart = []
        for part in parts:
            if call.booking in part[0] or slots & part[1]:
                bookings |= part[0]
                slots |= part[1]
                together = part[2] + together
            else:
                apart.append(part)
        parts = [*apart, (bookings, slots, together)]
    return [part[2] for part in parts]


def _moment(call: Call) -> float:
    """The second at which the call probably took effect. An order by the ends of calls never
    contradicts the clock."""
    return call.end if call.end != OPEN else call.begin


def _fits(calls: Sequence[Call]) -> bool:
    """True if the model allows the calls in exactly this order. It nearly always does, so that
    no search is needed."""
    latest = -inf
    state = FREE
    for call in calls:
        # A call that ended before another began cannot come after it.
        if call.end < latest:
            return False
        latest = max(latest, call.begin)
        after = applied(state, call)
        if after is None:
            return False
        state = after
    return True


def _search(calls: Sequence[Call]) -> bool:
    """True if the model allows the calls in some order. The order of ``calls`` is tried first.
    Raises: SearchTooLong."""
    everything = (1 << len(calls)) - 1
    ends = [call.end for call in calls]
    earlier = [_earlier(calls, call) for call in calls]
    visited: set[tuple[int, State]] = set()
    stack: list[tuple[int, State]] = [(0, FREE)]
    while stack:
        done, state = stack.pop()
        if done == everything:
            return True
        if (done, state) in visited:
            continue
        visited.add((done, state))
        if len(visited) > _SEARCH_LIMIT:
            raise SearchTooLong(f"{len(calls)} calls")
        left = [n for n in range(len(calls)) if not done >> n & 1]
        first_end = min(ends[n] for n in left)
        ready = [n for n in left if calls[n].begin <= first_end and not earlier[n] & ~done]
        if not any(calls[n].kind is Kind.REFUSED for n in left):
            # A booking's last call that gives back its half hours blocks no other call: whatever is
            # possible before it is possible after it. So no other order need be tried.
            last = [n for n in ready if calls[n].kind in _GIVES_BACK and _alone(calls, n, left)]
            ready = next(([n] for n in last if applied(state, calls[n]) is not None), ready)
        for n in reversed(ready):
            after = applied(state, calls[n])
            if after is not None:
                stack.append((done | 1 << n, after))
    return False


def _alone(calls: Sequence[Call], number: int, left: Sequence[int]) -> bool:
    """True if no other call of the same booking is left."""
    return all(n == number or calls[n].booking != calls[number].booking for n in left)


def _earlier(calls: Sequence[Call], call: Call) -> int:
    """Earlier calls of the call's booking, as bits by their index in ``calls``."""
    if call.order is None:
        return 0
    return sum(
        1 << n
        for n, other in enumerate(calls)
        if other.booking == call.booking and other.order is not None and other.order < call.order
    )
