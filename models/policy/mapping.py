"""A policy as a document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import date, time
from typing import Any

from models.policy.entities import OpeningRule, Policy, PolicyOverride
from models.storage.mongo import Document


def policy_to_document(policy: Policy) -> Document:
    """The policy's fields as they are stored."""
    document: Document = {}
    for field in fields(policy):
        value = getattr(policy, field.name)
        if field.name == "opening":
            value = [_opening_document(rule) for rule in value]
        elif field.name == "meal_times":
            value = [[_clock(a), _clock(b)] for a, b in value]
        elif field.name == "booking_opens_at":
            value = _clock(value)
        elif field.name == "areas":
            value = {area: dict(numbers) for area, numbers in value.items()}
        elif field.name == "rule_sets":
            value = [_rule_set_document(rules) for rules in value]
        document[field.name] = value
    return document


def _rule_set_document(rules: PolicyOverride) -> Document:
    return {
        "name": rules.name,
        "first": rules.first.isoformat(),
        "last": rules.last.isoformat(),
        "values": dict(rules.values),
        "area_id": rules.area_id,
    }


def _rule_set(d: Document) -> PolicyOverride:
    days = {name: date.fromisoformat(d[name]) for name in ("first", "last")}
    return PolicyOverride(**{**d, **days})


def _opening_document(rule: OpeningRule) -> Document:
    return {
        "opens": _clock(rule.opens),
        "closes": _clock(rule.closes),
        "first": rule.first.isoformat() if rule.first else None,
        "last": rule.last.isoformat() if rule.last else None,
        "weekdays": sorted(rule.weekdays),
        "venue_id": rule.venue_id,
        "area_id": rule.area_id,
        "reason": rule.reason,
        "priority": rule.priority,
    }


def policy_from_document(d: Mapping[str, Any]) -> Policy:
    """The policy of a stored version."""
    stored = dict(d["fields"])
    stored["opening"] = tuple(_opening(rule) for rule in stored["opening"])
    stored["rule_sets"] = tuple(_rule_set(rules) for rules in stored["rule_sets"])
    stored["meal_times"] = tuple((_time(a), _time(b)) for a, b in stored["meal_times"])
    stored["booking_opens_at"] = (
        _time(stored["booking_opens_at"]) if stored["booking_opens_at"] else None
    )
    return Policy(**stored)


def _opening(d: Document) -> OpeningRule:
    hours = {name: _time(d[name]) if d[name] else None for name in ("opens", "closes")}
    days = {name: date.fromisoformat(d[name]) if d[name] else None for name in ("first", "last")}
    return OpeningRule(**{**d, **hours, **days, "weekdays": frozenset(d["weekdays"])})


def _clock(value: time | None) -> str | None:
    return f"{value:%H:%M}" if value else None


def _time(text: str) -> time:
    return time.fromisoformat(text)
