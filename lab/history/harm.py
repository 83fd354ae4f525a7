"""The kinds of harm that the judges of a history find."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from models.kernel.zone import Zone

KINDS: Final = (
    "lost",
    "doubles",
    "orphaned",
    "held",
    "overbooked",
    "untold",
    "repeated",
    "punished",
    "early",
    "refused_free",
    "late",
    "disorder",
)
"""The kinds of harm, in the order of the printed table."""


@dataclass(frozen=True, slots=True)
class Harm:
    """One violation of a promise.

    ``kind``: one of ``KINDS``, or "crossed" (``crossed``). "held" is a seat that is held for no
    reader; of offers it is found only if the waitlist was recorded. ``fault``: the fault during
    which it arose. ``text``: what is wrong, for people.
    """

    kind: str
    fault: str
    text: str


def half_hours(zone: Zone, start: datetime, end: datetime) -> list[str]:
    """The names that claims have for each half hour that is used, wholly or in part."""
    local = start.astimezone(zone.slot_clock)
    step = local.replace(minute=local.minute // 30 * 30, second=0, microsecond=0)
    names = []
    while step < end:
        names.append(f"{step:%Y-%m-%d}:{step.hour * 2 + step.minute // 30}")
        step += timedelta(minutes=30)
    return names
