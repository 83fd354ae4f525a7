"""How many applicants get which wish: of a draw, or of draws on trial before it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from models.seasons.calculation import Entry, assignment, in_order


@dataclass(frozen=True, slots=True)
class SeasonOutcome:
    """The number of applicants who get their first wish, second wish and so on (``wishes``), who
    get something because they take anything (``any``), and who wait."""

    wishes: tuple[int, ...]
    any: int
    waiting: int


def outcome(
    entries: Sequence[Entry], things: Sequence[str | None], most_wishes: int
) -> SeasonOutcome:
    """The outcome of applications that got these things, in the same order."""
    named, taken = [0] * most_wishes, 0
    for one, thing in zip(entries, things, strict=True):
        if thing in one.wishes:
            named[one.wishes.index(thing)] += 1
        elif thing is not None:
            taken += 1
    return SeasonOutcome(tuple(named), taken, things.count(None))


def on_trial(
    given: Sequence[str], entries: Sequence[Entry], most_wishes: int, seeds: Collection[str]
) -> SeasonOutcome:
    """The mean outcome of draws with these seeds."""
    draws = [_drawn(given, in_order(seed, entries), most_wishes) for seed in seeds]
    return SeasonOutcome(
        tuple(_mean([each.wishes[n] for each in draws]) for n in range(most_wishes)),
        _mean([each.any for each in draws]),
        _mean([each.waiting for each in draws]),
    )


def _drawn(given: Sequence[str], entries: Sequence[Entry], most_wishes: int) -> SeasonOutcome:
    return outcome(entries, assignment(given, (one.wishes for one in entries)), most_wishes)


def _mean(counts: Sequence[int]) -> int:
    return round(sum(counts) / len(counts))
