"""The verification of a season's draw from its published file alone; docs/draw.md specifies it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.seasons import merkle
from models.seasons.calculation import (
    ANY,
    FORMAT,
    Entry,
    assignment,
    commitment,
    given_hash,
    in_order,
    rule_hash,
    seed,
)
from models.seasons.rule_text import PublishedRule, instant, parsed


def faults(draw: Mapping[str, Any]) -> Iterator[str]:
    """The faults of a published draw, each in a sentence; none if it follows its rule. ``draw``:
    the content of the file. Raises: KeyError, TypeError, ValueError if it is no such file."""
    if draw["format"] != FORMAT:
        raise ValueError(f"its format is not {FORMAT}")
    rule = parsed(draw["rule"])
    if rule_hash(draw["rule"]) != draw["rule_hash"]:
        yield "the rule is not the one whose hash was published"
    yield from _faults_of_seed(draw, rule)
    given = _texts(draw["given"])
    if len({*given}) < len(given) or ANY in given:
        yield "a seat or locker is given twice"
    if len(given) != rule.gives or given_hash(given) != rule.given_hash:
        yield "the seats or lockers are not those of the rule"
    entries = [_entry(one) for one in draw["applications"]]
    yield from _faults_of_list(draw, rule, given, entries)
    if any(entry.weight < 1 for entry in entries):
        return  # such an application has no place, and its fault is named
    drawn = seed(draw["root"], draw["secret"], draw["source"], draw["value"])
    if in_order(drawn, entries) != entries:
        yield "the applications are not in the order of the draw"
    if assignment(given, (entry.wishes for entry in entries)) != [*draw["assignment"]]:
        yield "the assignment does not follow from order and wishes"


def _faults_of_seed(draw: Mapping[str, Any], rule: PublishedRule) -> Iterator[str]:
    if not commitment(draw["secret"]) == draw["commitment"] == rule.commitment:
        yield "the secret is not the one that was committed to"
    source = rule.sources.get(draw["which"])
    if source is None or source.text != draw["source"] or not draw["value"].strip():
        yield "the value is not of the source that the rule names"
        return
    frozen_at, drawn_at = instant(draw["frozen_at"]), instant(draw["drawn_at"])
    if frozen_at < rule.closes_at:
        yield "the list was frozen before applications closed"
    if frozen_at >= source.at:
        yield "the list was frozen when the value could be known"
    if drawn_at < source.at:
        yield "it was drawn before the value could be known"
    if drawn_at > rule.reveal_by:
        yield "it was drawn after the deadline, when the draw was void"


def _faults_of_list(
    draw: Mapping[str, Any], rule: PublishedRule, given: Sequence[str], entries: Sequence[Entry]
) -> Iterator[str]:
    allowed = {*given, ANY}
    for entry, one in zip(entries, draw["applications"], strict=True):
        name = f"the application {entry.token[:8]}"
        if entry.leaf != one["leaf"]:
            yield f"{name} has another leaf"
        if entry.weight not in rule.weights or entry.weight < 1:
            yield f"{name} has a weight that the rule does not give"
        wishes = entry.wishes
        if (
            not 1 <= len(wishes) <= rule.most_wishes
            or len({*wishes}) < len(wishes)
            or not allowed.issuperset(wishes)
            or ANY in wishes[:-1]
        ):
            yield f"{name} has wishes that the rule does not allow"
    if len({entry.token for entry in entries}) < len(entries):
        yield "an applicant is in the list twice"
    if len(entries) != draw["count"]:
        yield "the number of applications is not the one that was published"
    if merkle.root(sorted(entry.leaf for entry in entries)) != draw["root"]:
        yield "the list is not the one that was frozen"


def _entry(one: Mapping[str, Any]) -> Entry:
    if type(one["weight"]) is not int or not 0 <= one["weight"] <= 9:
        raise ValueError("a weight is not one of the numbers 0 to 9")
    if len(bytes.fromhex(one["token"])) != 32:
        raise ValueError("a token is not 64 hexadecimal digits")
    return Entry(one["token"], one["weight"], tuple(_texts(one["wishes"])))


def _texts(values: Any) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError("a list does not consist of texts")
    return values
