"""The rule of a season as a text of lines ``name: value``, which is published with its hash before
anybody can apply. docs/draw.md specifies the lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from models.seasons.calculation import FORMAT, MOST_WEIGHT, MOST_WISHES

_NAMES: Final = (
    *("format", "title", "gives", "given_hash", "days", "hours", "come_by", "unused_days"),
    *("grace_days", "most_wishes"),
    *("opens_at", "closes_at", "first_value", "first_value_at", "alternative_value"),
    *("alternative_value_at", "reveal_by", "commitment"),
)
_OF_SEATS: Final = frozenset({"hours", "come_by", "unused_days"})
_OF_LOCKERS: Final = frozenset({"grace_days"})


@dataclass(frozen=True, slots=True)
class Source:
    """A value of a public source. ``at``: the instant at which it becomes known."""

    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PublishedRule:
    """The parts of a rule's text that the verification needs. ``sources``: by ``first`` and
    ``alternative``."""

    gives: int
    given_hash: str
    weights: frozenset[int]
    most_wishes: int
    closes_at: datetime
    sources: Mapping[str, Source]
    reveal_by: datetime
    commitment: str


def rule_text(values: Mapping[str, str], weights: Iterable[tuple[str, int]]) -> str:
    """The text of the rule. ``values``: by the names of the lines, ``format`` excepted, without
    those that are of the other kind alone. ``weights``: who has which, by a name."""
    lines = {"format": FORMAT, **values}
    text = [f"{name}: {lines[name]}" for name in _NAMES if name in lines]
    after = next(n for n, line in enumerate(text) if line.startswith("most_wishes:"))
    text[after:after] = [f"weight {weight}: {who}" for who, weight in weights]
    return "\n".join(text)


def parsed(text: str) -> PublishedRule:
    """The rule that the text states. Raises: ValueError if it is no such text."""
    values: dict[str, str] = {}
    weights: set[int] = set()
    for line in text.split("\n"):
        name, separator, value = line.partition(": ")
        if not separator or name in values:
            raise ValueError(f"the rule has an unexpected line: {line[:80]}")
        if name in {f"weight {weight}" for weight in range(MOST_WEIGHT + 1)}:
            weights.add(int(name[-1]))
        elif name in _NAMES:
            values[name] = value
        else:
            raise ValueError(f"the rule has an unexpected line: {line[:80]}")
    lacking = {*_NAMES} - _OF_SEATS - _OF_LOCKERS - {*values}
    if lacking or values["format"] != FORMAT:
        raise ValueError(f"the rule is not of the format {FORMAT}")
    number, _, kind = values["gives"].partition(" ")
    most_wishes = int(values["most_wishes"])
    own = {"seats": _OF_SEATS, "lockers": _OF_LOCKERS}.get(kind)
    if own is None or (_OF_SEATS | _OF_LOCKERS).intersection(values) != own:
        raise ValueError("the rule does not say what is given")
    if not 1 <= most_wishes <= MOST_WISHES:
        raise ValueError("the rule has another number of wishes than 1 to 10")
    return PublishedRule(
        gives=int(number),
        given_hash=values["given_hash"],
        weights=frozenset(weights),
        most_wishes=most_wishes,
        closes_at=instant(values["closes_at"]),
        sources={
            which: Source(values[f"{which}_value"], instant(values[f"{which}_value_at"]))
            for which in ("first", "alternative")
        },
        reveal_by=instant(values["reveal_by"]),
        commitment=values["commitment"],
    )


def instant(text: str) -> datetime:
    """The instant of an ISO 8601 text with an offset. Raises: ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} has no offset")
    return at
