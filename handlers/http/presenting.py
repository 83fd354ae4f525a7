from __future__ import annotations

import re
from datetime import date, datetime
from typing import Final, Protocol

from handlers.http.schemas import SuspensionOut
from handlers.texts.labels import suspension_reason_text
from languages.text import Text
from models.kernel.zone import Zone
from models.library.entities import AreaId, Catalog
from models.readers.entities import FOREVER, Reader, SuspensionReason
from notify.templates import rendering

_TOO_WIDE: Final = re.compile(r"[^\W\u2e80-\uffff]{17}")
"""Matches a part of a word of more than 16 letters, none of them Chinese."""

LONG_WORD: Final = re.compile("[A-Za-zÀ-ž]{14,}")
SYLLABLE: Final = re.compile(
    "([A-Za-zÀ-ž]{4})(?=(?:sch|[bfgkp][lr]|[dt]r|[pt]h|[b-dfgj-np-tv-xzß])"
    "[aeiouyäöü][A-Za-zÀ-ž]{2})"
)
"""Matches four letters before the consonants that begin a syllable of at least three."""
_SOFT_HYPHEN: Final = "\u00ad"


def is_long_worded(name: str) -> bool:
    """True if a word of the name is wider than a small phone has room for in its usual type."""
    return _TOO_WIDE.search(name) is not None


def hyphenated(name: str) -> str:
    """The name with soft hyphens between the syllables of words of 14 letters or more, at which a
    browser breaks a word that is wider than its line. No browser knows the language of a name.
    kiosk.js does the same."""
    return LONG_WORD.sub(lambda word: SYLLABLE.sub(rf"\1{_SOFT_HYPHEN}", word[0]), name)


def clock(zone: Zone, instant: datetime) -> str:
    return f"{zone.local(instant):%H:%M}"


def later_clock(zone: Zone, since: datetime | date, instant: datetime) -> str:
    """The time of day, such as 16:38; on a later day than ``since`` with the day."""
    begin = zone.local(since) if isinstance(since, datetime) else since
    return rendering.later_clock(begin, zone.local(instant))


class _SeatOfArea(Protocol):
    area_id: str
    label: str


def area_of_seat(seat: _SeatOfArea, catalog: Catalog) -> Text | str:
    """The name of a reserved seat's area; the whole label if the area is not in the catalog."""
    area = catalog.areas.get(AreaId(seat.area_id))
    return catalog.area_name(area) if area is not None else seat.label


def suspension(zone: Zone, reader: Reader, now: datetime) -> SuspensionOut | None:
    """The reader's suspension for the API; None if they may book."""
    until = reader.suspended_until
    if until is None or until <= now:
        return None
    reason = reader.suspended_for or SuspensionReason()
    return SuspensionOut(
        until=zone.local(until) if until != FOREVER else None,
        reason=suspension_reason_text(reason),
        violations=reason.violations,
        days=reason.days,
    )
