"""TODO docstring."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Final

from handlers.http.forms import Form
from handlers.http.pages import PageRequest, form_text
from models.kernel.errors import InvalidRequest
from models.kernel.time_range import local_instant
from models.library.entities import AreaId, SeatId


def instant_in(form: Form, name: str) -> datetime:
    """A browser's date and time, on the library's clock. Raises: InvalidRequest."""
    try:
        typed = datetime.strptime(form_text(form, name), "%Y-%m-%dT%H:%M")  # noqa: DTZ007
    except ValueError as error:
        raise InvalidRequest(name, "a date and a time") from error
    if not 2000 <= typed.year < 2100:
        raise InvalidRequest(name, "a date in our time")
    return local_instant(typed.date(), typed.time())


def seat_in(visit: PageRequest, form: Form) -> SeatId:
    """The seat that is typed by its area and number. Raises: InvalidRequest."""
    area = visit.services.desk.library.areas.get(AreaId(form_text(form, "area")))
    no = form_text(form, "no")
    seat = next((s for s in area.seats if s.number == no), None) if area is not None else None
    if seat is None:
        raise InvalidRequest("no", "没有这个座位")
    return seat.id


ID: Final = re.compile(r"[0-9a-z][0-9a-z-]{1,29}")
ID_WORDS: Final = "编号为 2–30 个小写字母、数字或连字符"


def day_of(text: str, name: str) -> date:
    """Raises: InvalidRequest."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequest(name, "请填写日期") from error


def clock_of(text: str, name: str) -> time:
    """Raises: InvalidRequest."""
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise InvalidRequest(name, f"“{text}”不是时间，例如 07:00" if text else "请填写时间")
    return time.fromisoformat(text)
