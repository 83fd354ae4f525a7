"""The messages, one module each: ``TEMPLATE``, ``TITLE``, ``FACTS`` (names its WeChat template may
use) and ``write(moment) -> Letter``."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Final

from models.message import Template
from notify.messages import (
    called_off,
    check_in_reminder,
    checked_in,
    doubted,
    ended,
    ending_soon,
    leave,
    leave_reminder,
    leave_timeout,
    no_show,
    offer,
    proposed,
    reserved,
    returned,
    suspended,
    taken_back,
)

BY_EVENT: Final[Mapping[str, ModuleType]] = {
    "reserved": reserved,
    "check_in_reminder": check_in_reminder,
    "no_show": no_show,
    "checked_in": checked_in,
    "ending_soon": ending_soon,
    "ended": ended,
    "left": leave,
    "returned": returned,
    "doubted": doubted,
    "offered": offer,
    "proposed": proposed,
    "leave_reminder": leave_reminder,
    "away_expired": leave_timeout,
    "suspended": suspended,
    "called_off": called_off,
    "taken_back": taken_back,
}
"""Which message an event of the outbox brings."""

TITLES: Final[Mapping[Template, str]] = {
    # Where two share a template, the first gives it its name.
    module.TEMPLATE: module.TITLE
    for module in reversed(list(BY_EVENT.values()))
}

FACTS: Final[Mapping[Template, tuple[str, ...]]] = {
    module.TEMPLATE: module.FACTS for module in BY_EVENT.values()
}
