"""The pause of a channel, which holds for all workers and hosts. When it is over, one worker
sends one message as a probe. The outcome of the probe ends or prolongs the pause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, timezone
from enum import StrEnum
from typing import Final


class PauseReason(StrEnum):
    AWAY = "away"
    """The channel is unreachable, does not answer, or reports overload."""
    REFUSED = "refused"
    """The channel rejects the account, whatever the message."""
    TOKEN = "token"
    """No access_token is available, or WeChat rejects one that it has issued."""
    QUOTA_DAY = "quota_day"
    QUOTA_MINUTE = "quota_minute"


@dataclass(frozen=True, slots=True)
class Pause:
    """A channel's pause in sending. `since`, `until`: business time. `failed`: the number of failed
    probes. `code`: the channel's error code, if any. `alarmed`: operators were alerted."""

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
"""For each reason: the first and the longest pause. Each failed probe doubles the length."""
_WECHAT_CLOCK: Final = timezone(timedelta(hours=8))
"""WeChat's daily quotas begin anew at China's midnight."""
_QUOTA_RESET: Final = timedelta(hours=1)
"""The longest pause after a daily quota was used up: an operator may have reset the quota."""
ALARM_AFTER: Final = timedelta(seconds=30)
"""No alarm is raised for an unreachable channel that recovers within this time."""


def begin(reason: PauseReason, code: int | None, now: datetime, jitter: float) -> Pause:
    """A new pause. ``jitter``: a factor (0.8 to 1.2) for its length, to spread hosts' probes."""
    return _with_alarm(Pause(reason, code, now, _until(reason, 0, now, jitter)), now)


def prolong(
    pause: Pause, reason: PauseReason, code: int | None, now: datetime, jitter: float
) -> Pause:
    """Returns ``pause`` prolonged after a probe that failed for ``reason``. ``AWAY``
    (unreachable) replaces only ``QUOTA_MINUTE``; any other earlier reason stays."""
    stays = reason is PauseReason.AWAY and pause.reason is not PauseReason.QUOTA_MINUTE
    if reason is not pause.reason and not stays:
        until = _until(reason, 0, now, jitter)
        return _with_alarm(Pause(reason, code, pause.since, until), now)
    failed = pause.failed + 1
    until = _until(pause.reason, failed, now, jitter)
    last_code = pause.code if code is None else code
    return _with_alarm(replace(pause, until=until, failed=failed, code=last_code), now)


def _until(reason: PauseReason, failed: int, now: datetime, jitter: float) -> datetime:
    if reason is PauseReason.QUOTA_DAY:
        day = now.astimezone(_WECHAT_CLOCK).date() + timedelta(days=1)
        midnight = datetime.combine(day, time(0), _WECHAT_CLOCK).astimezone(UTC)
        return min(midnight, now + _QUOTA_RESET)
    first, longest = _LENGTHS[reason]
    doubled: timedelta = first * 2 ** min(failed, 16)
    length = min(doubled, longest)
    # No jitter for the minute, which WeChat counts by its own clock: it must not be shorter.
    return now + (length if reason is PauseReason.QUOTA_MINUTE else length * jitter)


def _with_alarm(pause: Pause, now: datetime) -> Pause:
    match pause.reason:
        case PauseReason.QUOTA_MINUTE:
            due = False
        case PauseReason.AWAY:
            due = now - pause.since >= ALARM_AFTER
        case _:
            due = True
    return replace(pause, alarmed=pause.alarmed or due)
