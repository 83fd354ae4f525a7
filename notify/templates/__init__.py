"""The messages, one module each: ``TEMPLATE``, ``TITLE``, ``FACTS`` (names its WeChat template may
use) and ``write(moment) -> Letter``."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Final

from models.messages.entities import Template
from notify.templates import (
    alternative_offer,
    booking_cancelled_by_library,
    booking_confirmed,
    booking_ended,
    check_in_reminder,
    checked_in,
    ending_soon,
    leave_reminder,
    leave_timeout,
    no_show,
    offer_withdrawn,
    presence_check,
    returned,
    suspended,
    temporary_leave,
    waitlist_offer,
)

TEMPLATE_BY_EVENT: Final[Mapping[str, ModuleType]] = {
    "reserved": booking_confirmed,
    "check_in_reminder": check_in_reminder,
    "no_show": no_show,
    "checked_in": checked_in,
    "ending_soon": ending_soon,
    "ended": booking_ended,
    "left": temporary_leave,
    "returned": returned,
    "doubted": presence_check,
    "offered": waitlist_offer,
    "proposed": alternative_offer,
    "leave_reminder": leave_reminder,
    "away_expired": leave_timeout,
    "suspended": suspended,
    "called_off": booking_cancelled_by_library,
    "taken_back": offer_withdrawn,
}
"""Which message an event of the outbox brings."""
TITLES: Final[Mapping[Template, str]] = {
    # Where two share a template, the first gives it its name.
    module.TEMPLATE: module.TITLE
    for module in reversed(list(TEMPLATE_BY_EVENT.values()))
}
FACTS: Final[Mapping[Template, tuple[str, ...]]] = {
    module.TEMPLATE: module.FACTS for module in TEMPLATE_BY_EVENT.values()
}
