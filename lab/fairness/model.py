"""The behaviour of readers and bots at an opening, and the sums of their results. Pure
functions."""

from __future__ import annotations

import random
from bisect import bisect
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import log
from typing import Any, Final

REACTION_MEDIAN_S: Final = 1.2
REACTION_SIGMA: Final = 0.5
"""Spread of an honest reader's reaction after the opening: log-normal, 95 % between 0.45 and 3.2
s."""
EARLY_SHARE: Final = 0.1
EARLY_S: Final = 0.5
"""At most this many seconds too early the share ``EARLY_SHARE`` of readers presses; these readers
press again after a reaction."""
CHOICE_MEDIAN_S: Final = 1.5
CHOICE_SIGMA: Final = 0.5
"""Spread of the time to read a refusal and choose another seat: log-normal."""
FOLLOWS_PROPOSAL: Final = 0.5
"""Share of choices in which an honest reader takes a seat that the refusal proposes; otherwise
one of the plan."""
POPULARITY_EXPONENT: Final = 0.8
"""Exponent of Zipf's law: the k-th popular seat is wanted as 1 / k to that power."""
BOT_LEAD_S: Final = 0.2
BOT_EVERY_S: Final = 0.05
BOT_CONNECTIONS: Final = 4
"""A bot sends a request every ``BOT_EVERY_S`` seconds, from ``BOT_LEAD_S`` seconds before the
opening on. At most this many of its requests are under way at once."""
_DRAWS: Final = 20


def reaction_s(rng: random.Random) -> float:
    """Seconds until an honest reader presses the button after seeing that it has opened."""
    return rng.lognormvariate(log(REACTION_MEDIAN_S), REACTION_SIGMA)


def choice_s(rng: random.Random) -> float:
    """Seconds until an honest reader has chosen another seat."""
    return rng.lognormvariate(log(CHOICE_MEDIAN_S), CHOICE_SIGMA)


def presses_s(rng: random.Random) -> list[float]:
    """The moments of an honest reader's first presses, in seconds after the opening: one, or an
    early press and the one after it."""
    after = reaction_s(rng)
    early = rng.random() < EARLY_SHARE
    return [-rng.uniform(0, EARLY_S), after] if early else [after]


class Popularity:
    """How much each of ``seats`` is wanted, by Zipf's law, the most popular one first."""

    def __init__(self, seats: Sequence[str]) -> None:
        self._seats = seats
        self._sums = list(accumulate(1 / k**POPULARITY_EXPONENT for k in range(1, len(seats) + 1)))

    def choose(self, rng: random.Random, free: Collection[str] | None = None) -> str | None:
        """A random seat by popularity, among ``free`` if given; None if none is free."""
        if free is not None and not free:
            return None
        for _ in range(_DRAWS):
            seat = self._seats[bisect(self._sums, rng.random() * self._sums[-1])]
            if free is None or seat in free:
                return seat
        # So few are free that popularity no longer matters.
        return rng.choice(sorted(free or self._seats))


@dataclass(frozen=True, slots=True)
class Opening:
    """The result of an opening. ``answers_s``: waits of honest readers for a decision (a booking
    or a refusal; "come again" is none); ``longest_s``: the longest request; ``gone_s``: when the
    last seat was booked; ``late_s``: the generator's own lateness (99th percentile)."""

    seats: int
    honest: int
    bots: int
    honest_wins: int
    bot_wins: int
    answers_s: Sequence[float]
    gone_s: float
    longest_s: float
    statuses: Mapping[int, int]
    late_s: float
    doubles: int
    failures: int


def percentile(values: Sequence[float], share: float) -> float:
    """The percentile of values in any order; 0.0 if there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def summary(openings: Sequence[Opening]) -> dict[str, Any]:
    """The sums over openings of one size as plain values: shares in percent; ``excess_points``:
    the percentage points by which the bots' share of the wins exceeds their share of the
    readers."""
    first = openings[0]
    readers = first.honest + first.bots
    bot_wins = sum(one.bot_wins for one in openings)
    wins = bot_wins + sum(one.honest_wins for one in openings)
    of_readers = 100 * first.bots / readers
    of_wins = 100 * bot_wins / wins if wins else 0.0
    answers = [answer for one in openings for answer in one.answers_s]
    statuses = sum((Counter(one.statuses) for one in openings), Counter[int]())
    return {
        "openings": len(openings),
        "seats": first.seats,
        "readers": readers,
        "bots": first.bots,
        "wins": wins,
        "bot_wins": bot_wins,
        "bots_of_readers_percent": round(of_readers, 1),
        "bots_of_wins_percent": round(of_wins, 1),
        "excess_points": round(of_wins - of_readers, 1),
        "excess_of_each": [round(_share(one) - of_readers, 1) for one in openings],
        "answer_p50_ms": round(1000 * percentile(answers, 0.5)),
        "answer_p99_ms": round(1000 * percentile(answers, 0.99)),
        "answer_max_ms": round(1000 * percentile(answers, 1)),
        "request_max_ms": round(1000 * max(one.longest_s for one in openings)),
        "generator_late_ms": round(1000 * max(one.late_s for one in openings)),
        "gone_s": round(max(one.gone_s for one in openings), 1),
        "statuses": {str(status): n for status, n in sorted(statuses.items())},
        "doubles": sum(one.doubles for one in openings),
        "failures": sum(one.failures for one in openings),
    }


def _share(opening: Opening) -> float:
    """The bots' share of the wins, in percent."""
    wins = opening.honest_wins + opening.bot_wins
    return 100 * opening.bot_wins / wins if wins else 0.0
