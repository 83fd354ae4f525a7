"""A pause of all sending by a channel: why, until when, and who tries whether it is over.

The pause is one for all workers and hosts of an account. While it lasts messages wait; when its
time is up one worker sends one message, the probe. Its answer ends the pause or prolongs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final

from models.kernel.time_range import local_date, local_instant


class PauseReason(StrEnum):
    """Why nothing is sent."""

    AWAY = "away"
    """The channel cannot be reached, does not answer, or says that it is busy."""
    REFUSED = "refused"
    """The channel refuses the account, not the message."""
    TOKEN = "token"
    """No access_token can be had, or WeChat refuses its own."""
    QUOTA_DAY = "quota_day"
    QUOTA_MINUTE = "quota_minute"


@dataclass(frozen=True, slots=True)
class Pause:
    """``since`` and ``until`` are business times. ``failed`` counts the probes without success;
    ``alarmed`` says that a person has been told; ``code`` is the channel's, if it gave one."""

    reason: PauseReason
    code: int | None
    since: datetime
    until: datetime
    failed: int = 0
    alarmed: bool = False


_LENGTHS: Final[Mapping[PauseReason, tuple[timedelta, timedelta]]] = {
    PauseReason.AWAY: (timedelta(seconds=2), timedelta(minutes=5)),
    PauseReason.TOKEN: (timedelta(minutes=1), timedelta(minutes=5)),
    PauseReason.REFUSED: (timedelta(minutes=5), timedelta(minutes=15)),
    PauseReason.QUOTA_MINUTE: (timedelta(minutes=1), timedelta(minutes=1)),
}
"""The first pause, doubled after each probe that fails, and the longest one."""
_QUOTA_RESET: Final = timedelta(hours=1)
"""An operator may have the day's count set back at the channel: it is asked so often."""
ALARM_AFTER: Final = timedelta(seconds=30)
"""A channel that is back sooner has disturbed nobody."""


def begin(reason: PauseReason, code: int | None, now: datetime, jitter: float) -> Pause:
    """A new pause. ``jitter`` (0.8 to 1.2) keeps hosts from asking at the same moment."""
    return _judged(Pause(reason, code, now, _until(reason, 0, now, jitter)), now)


def prolong(
    pause: Pause, reason: PauseReason, code: int | None, now: datetime, jitter: float
) -> Pause:
    """``pause`` after a probe that failed for ``reason``.

    A channel that cannot be reached says nothing about an earlier refusal: the reason stays, but
    for that of a minute.
    """
    stays = reason is PauseReason.AWAY and pause.reason is not PauseReason.QUOTA_MINUTE
    if reason is not pause.reason and not stays:
        until = _until(reason, 0, now, jitter)
        return _judged(Pause(reason, code, pause.since, until), now)
    failed = pause.failed + 1
    until = _until(pause.reason, failed, now, jitter)
    known = pause.code if code is None else code
    return _judged(replace(pause, until=until, failed=failed, code=known), now)


def _until(reason: PauseReason, failed: int, now: datetime, jitter: float) -> datetime:
    if reason is PauseReason.QUOTA_DAY:
        midnight = local_instant(local_date(now) + timedelta(days=1), time(0))
        return min(midnight, now + _QUOTA_RESET)
    first, longest = _LENGTHS[reason]
    doubled: timedelta = first * 2 ** min(failed, 16)
    length = min(doubled, longest)
    # WeChat counts a minute's calls by its own minutes: no sooner.
    return now + (length if reason is PauseReason.QUOTA_MINUTE else length * jitter)


def _judged(pause: Pause, now: datetime) -> Pause:
    """The pause with a person told of it, where that is due."""
    match pause.reason:
        case PauseReason.QUOTA_MINUTE:
            due = False
        case PauseReason.AWAY:
            due = now - pause.since >= ALARM_AFTER
        case _:
            due = True
    return replace(pause, alarmed=pause.alarmed or due)
