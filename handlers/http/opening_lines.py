from __future__ import annotations

from datetime import date, time

from handlers.texts.opening import days_in_words
from handlers.texts.rules_phrases import (
    AT_PLACE,
    CLOSED,
    OPENED,
    REASON,
    opening_hours_text,
    place_text,
    weekdays_text,
)
from languages.text import Text
from models.library.entities import Catalog
from models.policy.entities import Policy
from models.policy.opening import OpeningKind, OpeningPlace, OpeningRule
from models.policy.opening_rules import (
    is_library_week_unused,
    own_week,
    places_with_week,
    venue_of,
)


def opening_lines(catalog: Catalog, policy: Policy, today: date) -> list[Text]:
    """The opening hours as lines of text. First come the weekly hours of the library (omitted if
    every place has its own), then those of each venue and area that has its own, in the order of
    the venues and with one line for all weekdays with equal hours. Then come the exceptions and
    closures that are not over. Retired venues and areas are left out."""
    lines = []
    order = {None: -1} | {venue.id: n for n, venue in enumerate(catalog.venues_in_use)}
    areas = {area.id for area in catalog.areas_in_use} | {None}

    def in_use(place: OpeningPlace) -> bool:
        return venue_of(catalog, place) in order and place.area_id in areas

    unused = is_library_week_unused(policy, catalog)
    places = [place for place in places_with_week(policy) if in_use(place)]
    for place in sorted(places, key=lambda place: order[venue_of(catalog, place)]):
        if unused and not place.narrowness:
            continue
        alike: dict[tuple[time | None, time | None], tuple[OpeningRule, set[int]]] = {}
        for weekday, rule in enumerate(own_week(policy, place)):
            if rule is not None:
                alike.setdefault((rule.opens, rule.closes), (rule, set()))[1].add(weekday)
        lines += [
            _line(catalog, rule, weekdays_text(frozenset(days))) for rule, days in alike.values()
        ]
    dated = [
        r
        for r in policy.opening
        if r.kind is not OpeningKind.WEEK
        and (r.last is None or r.last >= today)
        and in_use(r.place)
    ]
    dated.sort(key=lambda r: r.first or today)
    return [*lines, *(_line(catalog, r, days_in_words(r.first, r.last)) for r in dated)]


def _line(catalog: Catalog, rule: OpeningRule, days: str) -> Text:
    place = place_text(catalog, rule.place)
    return (OPENED if rule.opens is not None else CLOSED).format(
        days=days,
        place=AT_PLACE.format(place=place) if place else " ",
        hours=opening_hours_text(rule.opens, rule.closes),
        reason=REASON.format(reason=rule.reason) if rule.reason else "",
    )
