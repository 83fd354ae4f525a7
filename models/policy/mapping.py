from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date, time
from typing import Any

from models.kernel.days import days_document, read_days
from models.library.entities import VenueId
from models.policy.entities import OpeningRule, Policy, PolicyOverride
from models.storage.mongo import Document


def policy_to_document(policy: Policy) -> Document:
    document: Document = {}
    for field in fields(policy):
        value = getattr(policy, field.name)
        if field.name == "opening":
            value = [_opening_document(rule) for rule in value]
        elif field.name == "areas":
            value = {area: dict(numbers) for area, numbers in value.items()}
        elif field.name == "venues":
            value = [
                {"venue_id": venue_id, "values": _stored_values(values)}
                for venue_id, values in value.items()
            ]
        elif field.name == "rule_sets":
            value = [_rule_set_document(rules) for rules in value]
        else:
            value = _stored(field.name, value)
        document[field.name] = value
    return document


def _stored(name: str, value: Any) -> Any:
    if name == "meal_times":
        return [[_clock(a), _clock(b)] for a, b in value]
    return _clock(value) if name == "booking_opens_at" else value


def _loaded(name: str, stored: Any) -> Any:
    if name == "meal_times":
        return tuple((_time(a), _time(b)) for a, b in stored)
    if name == "booking_opens_at":
        return _time(stored) if stored else None
    return stored


def _stored_values(values: Mapping[str, Any]) -> Document:
    return {name: _stored(name, value) for name, value in values.items()}


def _loaded_values(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _loaded(name, value) for name, value in values.items()}


def with_values_loaded(policy: Policy) -> Policy:
    """The policy of a library file, in which clock times of venues and overrides are texts, with
    these texts read. Raises: ValueError, TypeError."""
    return replace(
        policy,
        venues={venue_id: _loaded_values(values) for venue_id, values in policy.venues.items()},
        rule_sets=tuple(
            replace(rules, values=_loaded_values(rules.values)) for rules in policy.rule_sets
        ),
    )


def _rule_set_document(rules: PolicyOverride) -> Document:
    return {
        "name": rules.name,
        "first": rules.first.isoformat(),
        "last": rules.last.isoformat() if rules.last else None,
        "values": _stored_values(rules.values),
        "area_id": rules.area_id,
        "venue_id": rules.venue_id,
    }


def _rule_set(d: Document) -> PolicyOverride:
    last = date.fromisoformat(d["last"]) if d["last"] else None
    values, first = _loaded_values(d["values"]), date.fromisoformat(d["first"])
    return PolicyOverride(**{**d, "first": first, "last": last, "values": values})


def _opening_document(rule: OpeningRule) -> Document:
    return {
        "opens": _clock(rule.opens),
        "closes": _clock(rule.closes),
        **days_document(rule.first, rule.last),
        "weekdays": sorted(rule.weekdays),
        "venue_id": rule.venue_id,
        "area_id": rule.area_id,
        "reason": rule.reason,
        "independent": rule.independent,
    }


def policy_from_document(d: Mapping[str, Any]) -> Policy:
    stored = dict(d["fields"])
    stored["opening"] = tuple(_opening(rule) for rule in stored["opening"])
    stored["rule_sets"] = tuple(_rule_set(rules) for rules in stored["rule_sets"])
    stored["venues"] = {
        VenueId(of_venue["venue_id"]): _loaded_values(of_venue["values"])
        for of_venue in stored.get("venues", ())
    }
    for name in ("meal_times", "booking_opens_at"):
        stored[name] = _loaded(name, stored[name])
    return Policy(**stored)


def _opening(d: Document) -> OpeningRule:
    d.pop("priority", None)  # written before there were layers; dates determine the layer now
    hours = {name: _time(d[name]) if d[name] else None for name in ("opens", "closes")}
    first, last = read_days(d)
    days = {"first": first, "last": last}
    return OpeningRule(**{**d, **hours, **days, "weekdays": frozenset(d["weekdays"])})


def _clock(value: time | None) -> str | None:
    return f"{value:%H:%M}" if value else None


def _time(text: str) -> time:
    return time.fromisoformat(text)
