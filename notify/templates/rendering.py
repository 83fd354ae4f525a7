"""The facts that messages are written from, and the formatting of times in messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from languages.text import Text, _, short_day_text
from models.kernel.records import record
from models.library.entities import CheckInWay
from models.messages.entities import LONGEST_THING, Template
from models.violations.entities import ViolationCount

A_DAY: Final = timedelta(hours=24)
"""A message without a deadline of its own is not sent later than this after its event."""
BETWEEN_KIOSKS: Final = "、"


@record
class MessageContext:
    """The facts of the event that a message is about. Times are the library's local ones."""

    at: datetime
    seat: str
    short_seat: str
    """`seat` cut to ``LONGEST_THING`` characters; the seat's number at its end is never cut."""
    seat_no: str
    receipt: str
    start: datetime
    end: datetime
    check_in_from: datetime
    check_in_until: datetime
    checked_in_at: datetime | None
    available_from: datetime | None
    left_at: datetime | None
    return_by: datetime | None
    ended_at: datetime | None
    penalty_waived: bool
    kiosks: str
    way: CheckInWay
    violation: bool = False
    counted: bool = False
    window: ViolationCount = ViolationCount(0, 0, 0)
    suspended_until: datetime | None = None
    """The four fields from `violation` on are set only for missed bookings and expired leaves."""
    pending_confirmation: str | None = None
    presence_due_at: datetime | None = None
    held_until: datetime | None = None
    replaced_seat: str = ""
    replaced_start: datetime | None = None
    replaced_end: datetime | None = None
    """The three fields from `replaced_seat` on describe the cancelled booking that is replaced."""
    by_library: bool = False
    """True if the library moved the reader to another seat."""
    others: int = 0
    """Set for a missed booking: the number of the reader's other bookings on that day."""


SCAN_BY: Final[Mapping[CheckInWay, str]] = {
    CheckInWay.KIOSK: _("到选座机或查询机扫码"),
    CheckInWay.KIOSK_OR_LABEL: _("到选座机、查询机扫码或扫座位码"),
    CheckInWay.SEAT_LABEL: _("扫座位码"),
    CheckInWay.GATE: _("从闸机入馆"),
    CheckInWay.DESK: _("到服务台"),
}
SCAN_SHORT: Final[Mapping[CheckInWay, str]] = {
    **SCAN_BY,
    CheckInWay.KIOSK: _("扫码"),
    CheckInWay.KIOSK_OR_LABEL: _("扫码"),
}
"""Shorter texts for ``SCAN_BY``, for messages whose other fields say where the codes are."""
_ANY_KIOSK: Final = "馆内任一选座机或查询机"
"""Used if the kiosks' names are too long for WeChat's field, since cut names would mislead."""
_PLACES: Final[Mapping[CheckInWay, str]] = {
    CheckInWay.SEAT_LABEL: "座位上的座位码",
    CheckInWay.GATE: "馆口闸机",
    CheckInWay.DESK: "服务台",
}


def scan_at(m: MessageContext) -> str:
    """The action by which the reader checks in, with the names of kiosks, if any, in brackets."""
    by = SCAN_BY[m.way]
    if m.way is CheckInWay.KIOSK:
        return _("{by}（{kiosks}）", by=by, kiosks=m.kiosks)
    if m.way is CheckInWay.KIOSK_OR_LABEL:
        return _("{by}（{kiosks}，或座位上）", by=by, kiosks=m.kiosks)
    return by


SEAT_FACTS: Final = ("seat", "seat_no")


def seat_facts(m: MessageContext) -> dict[str, str]:
    return {"seat": m.short_seat, "seat_no": m.seat_no}


def place(m: MessageContext) -> str:
    """The place to check in (kiosks, seat, gate or service desk), short enough for WeChat."""
    return _PLACES.get(m.way) or (m.kiosks if len(m.kiosks) <= LONGEST_THING else _ANY_KIOSK)


@record
class RenderedMessage:
    """A written message. `text`: shown in the app and in mails. `facts`: values for WeChat's
    template, by fact name. After `not_after` the message is not sent and stays in the app only."""

    text: str
    facts: Mapping[str, object]
    not_after: datetime | None


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """A kind of message. `title`: shown in the app. `fields`: facts that its WeChat template
    uses."""

    template: Template
    title: str
    fields: tuple[str, ...]
    render: Callable[[MessageContext], RenderedMessage]


def clock(instant: datetime | None) -> str:
    """The local time of day, such as 16:38; --:-- for None."""
    if instant is None:
        return "--:--"
    there = _shown(instant)
    return f"{there.hour:02}:{there.minute:02}"  # strftime takes four times as long


def _shown(instant: datetime) -> datetime:
    """The local time. Raises: ValueError for UTC: nobody has converted it."""
    if instant.tzinfo is UTC:
        raise ValueError("texts need the library's local time")
    return instant


_NEXT_DAY: Final = _("次日{clock}")


def later_clock(since: datetime | date, instant: datetime) -> str:
    """The local time of day, such as 16:38. On the day after ``since``: 次日02:00. On any later
    day: with the date."""
    day = _shown(since).date() if isinstance(since, datetime) else since
    days = (_shown(instant).date() - day).days
    if days > 1:
        return day_clock(instant)
    return _NEXT_DAY.format(clock=clock(instant)) if days == 1 else clock(instant)


def clock_period(start: datetime, end: datetime) -> str:
    """A period in WeChat's form: 16:38~17:00. An end on another day is written with its date."""
    there = _shown(end)
    day = f"{there.year}年{there.month}月{there.day}日 "
    return f"{clock(start)}~{'' if start.date() == there.date() else day}{clock(end)}"


def day_clock(instant: datetime | None) -> str:
    """The local date and time, such as 9月8日 16:38; empty for None."""
    if instant is None:
        return ""
    day = short_day_text(_shown(instant).date())
    return _("{day} {clock}", day=day, clock=clock(instant))


def from_to(start: str, end: str) -> Text:
    """The text of a period: 现在–次日02:00."""
    return _("{start}–{end}", start=start, end=end)


def span(start: datetime, end: datetime) -> Text:
    """A period with its date: 9月1日 16:38–17:00, or over midnight 9月1日 22:00–次日02:00."""
    return _(
        "{day} {start}–{end}",
        day=short_day_text(_shown(start).date()),
        start=clock(start),
        end=later_clock(start, end),
    )
