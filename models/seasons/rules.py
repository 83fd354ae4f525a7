"""The rules of a season: who may apply with which weight, for what, and when each step can be
taken."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, time
from typing import Final

from models.kernel.errors import Malformed
from models.kernel.zone import Zone
from models.library.seat_names import name_key
from models.reader_groups.entities import GroupId
from models.seasons.calculation import ANY, MOST_WEIGHT, MOST_WISHES, given_hash
from models.seasons.entities import (
    Season,
    SeasonKind,
    SeasonPlan,
    SeasonStage,
    SeasonState,
    Which,
)
from models.seasons.errors import MayNotApply, SeasonNotOpen, SeasonStepNotNow, WishNotGiven
from models.seasons.rule_text import rule_text

MOST_THINGS: Final = 5000
LONGEST_TITLE: Final = 60
LONGEST_SOURCE: Final = 200
LONGEST_DAYS: Final = 366
"""At most so long after the deadline of the draw a season lasts."""
MOST_UNUSED_DAYS: Final = 30
MOST_GRACE_DAYS: Final = 60
EVERYBODY_ELSE: Final = "everybody else"


def stage(season: Season, now: datetime) -> SeasonStage:
    """The season's stage at the instant."""
    plan = season.plan
    match season.state:
        case SeasonState.DRAWN:
            return SeasonStage.DRAWN
        case SeasonState.ABORTED:
            return SeasonStage.ABORTED
        case _ if now > plan.reveal_by:
            return SeasonStage.VOID
        case SeasonState.FROZEN:
            return SeasonStage.FROZEN
        case _ if now >= plan.closes_at:
            return SeasonStage.CLOSED
    return SeasonStage.APPLYING if now >= plan.opens_at else SeasonStage.ANNOUNCED


def weight_of(plan: SeasonPlan, groups: Collection[GroupId]) -> int:
    """The weight of a reader in these groups: the highest of those that the rule names, otherwise
    that of everybody else."""
    named = [weight for group, weight in plan.weights.items() if group in groups]
    return max(named, default=plan.default_weight)


def check_application(season: Season, weight: int, wishes: Sequence[str], now: datetime) -> None:
    """Raises: SeasonNotOpen, MayNotApply, WishNotGiven, Malformed."""
    if stage(season, now) is not SeasonStage.APPLYING:
        raise SeasonNotOpen()
    if weight == 0:
        raise MayNotApply()
    most = season.plan.most_wishes
    if not 1 <= len(wishes) <= most:
        raise Malformed("wishes", f"must be 1 to {most}", limit=most)
    if len({*wishes}) < len(wishes):
        raise Malformed("wishes", "must differ from one another")
    if ANY in wishes[:-1]:
        raise Malformed("wishes", f"{ANY} must be the last one")
    given = {*season.plan.ids, ANY}
    for wish in wishes:
        if wish not in given:
            raise WishNotGiven(wish)


def check_freeze(season: Season, now: datetime) -> None:
    """Raises: SeasonStepNotNow before applications close, or once a value of the source that
    could still count may be known."""
    plan = season.plan
    if not plan.closes_at <= now < plan.sources[Which.ALTERNATIVE].at:
        raise SeasonStepNotNow()


def check_draw(season: Season, which: Which, value: str, now: datetime) -> None:
    """Raises: SeasonStepNotNow before the value can be known, after the deadline, or if the list
    was frozen when the value could be known; Malformed without a value in one line."""
    if (
        not value
        or value != value.strip()
        or not _in_one_line(value)
        or len(value) > LONGEST_SOURCE
    ):
        raise Malformed("value", "season_line")
    at = season.plan.sources[which].at
    frozen_late = season.list is not None and season.list.at >= at
    if frozen_late or not at <= now <= season.plan.reveal_by:
        raise SeasonStepNotNow()


def check_plan(plan: SeasonPlan, now: datetime) -> None:
    """Raises: Malformed if the season cannot be announced at the instant; its reasons are codes of
    the console's texts."""
    for field, reason in _faults(plan, now):
        raise Malformed(field, reason)


def _faults(plan: SeasonPlan, now: datetime) -> Iterator[tuple[str, str]]:
    if not 1 <= len(plan.title) <= LONGEST_TITLE or not _in_one_line(plan.title):
        yield "title", "season_line"
    ids = plan.ids
    if not 1 <= len(ids) <= MOST_THINGS:
        yield "given", "season_things"
    if len({name_key(id) for id in ids}) < len(ids) or ANY in ids or any("," in id for id in ids):
        yield "given", "season_things_twice"
    if not plan.opens_at.date() <= plan.first <= plan.last:
        yield "last", "season_days"
    if not 0 <= (plan.last - plan.reveal_by.date()).days <= LONGEST_DAYS:
        yield "last", "season_last"
    if (plan.kind is SeasonKind.SEATS) is (plan.hours is None):
        yield "start", "season_hours"
    if plan.hours is not None and plan.hours[0] >= plan.hours[1]:
        yield "end", "hours_reversed"
    if not _is_within(plan.come_by, plan.hours):
        yield "come_by", "season_come_by"
    if not 0 <= plan.unused_days <= MOST_UNUSED_DAYS:
        yield "unused_days", "season_days_number"
    if not 0 <= plan.grace_days <= MOST_GRACE_DAYS:
        yield "grace_days", "season_days_number"
    weights = [plan.default_weight, *plan.weights.values()]
    if not all(0 <= weight <= MOST_WEIGHT for weight in weights) or not any(weights):
        yield "default_weight", "season_weights"
    if not 1 <= plan.most_wishes <= MOST_WISHES:
        yield "most_wishes", "season_wishes"
    first, alternative = plan.sources[Which.FIRST], plan.sources[Which.ALTERNATIVE]
    for which, source in plan.sources.items():
        if not 1 <= len(source.text) <= LONGEST_SOURCE or not _in_one_line(source.text):
            yield f"{which}_value", "season_line"
    if first.text == alternative.text:
        yield "alternative_value", "season_alternative"
    times = (
        ("opens_at", now),
        ("closes_at", plan.opens_at),
        ("first_value_at", plan.closes_at),
        ("alternative_value_at", first.at),
        ("reveal_by", alternative.at),
    )
    after = (plan.opens_at, plan.closes_at, first.at, alternative.at, plan.reveal_by)
    for (field, before), at in zip(times, after, strict=True):
        if at <= before:
            yield field, "season_times"


def _is_within(come_by: time | None, hours: tuple[time, time] | None) -> bool:
    if come_by is None or hours is None:
        return come_by is None and hours is None
    return hours[0] < come_by <= hours[1]


def _in_one_line(text: str) -> bool:
    return text == text.strip() and text.isprintable()


def published_rule(
    plan: SeasonPlan, groups: Mapping[GroupId, str], commitment: str, zone: Zone
) -> str:
    """The text of the season's rule. ``groups``: the names of the groups with weights."""
    weights = [(groups[id], weight) for id, weight in plan.weights.items()]
    weights.append((EVERYBODY_ELSE, plan.default_weight))
    values = {
        "title": plan.title,
        "gives": f"{len(plan.given)} {plan.kind}",
        "given_hash": given_hash(plan.ids),
        "days": f"{plan.first} to {plan.last}",
        "most_wishes": str(plan.most_wishes),
        "opens_at": zone.local(plan.opens_at).isoformat(),
        "closes_at": zone.local(plan.closes_at).isoformat(),
        "reveal_by": zone.local(plan.reveal_by).isoformat(),
        "commitment": commitment,
    }
    if plan.hours is not None:
        values["hours"] = f"{plan.hours[0]:%H:%M} to {plan.hours[1]:%H:%M}"
        values["come_by"] = f"{plan.come_by:%H:%M}"
        values["unused_days"] = str(plan.unused_days)
    else:
        values["grace_days"] = str(plan.grace_days)
    for which, source in plan.sources.items():
        values[f"{which}_value"] = source.text
        values[f"{which}_value_at"] = zone.local(source.at).isoformat()
    return rule_text(values, weights)
