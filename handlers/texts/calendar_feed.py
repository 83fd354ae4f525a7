from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from languages.text import Text, _, _p
from models.reservations.state_machine import ReservationState

SUMMARY: Final = _("座位：{seat}")
SUMMARY_OFF: Final[Mapping[ReservationState, Text]] = {
    ReservationState.CANCELLED: _("已取消：{seat}"),
    ReservationState.NO_SHOW: _("失约：{seat}"),
}
"""Titles of the calendar entries of cancelled bookings and no-shows, by state. Some calendars
keep showing such entries."""
ROOM: Final = _("研修间：{seat}")
ROOM_TAKEN: Final = _p("a room", "已约")
ROOM_CHECK_IN: Final = _("签到：{begin}–{end}；逾期记违约一次")
ROOM_CHECK_IN_EXCUSED: Final = _("签到：{begin}–{end}")
CHECK_IN: Final = _("签到：{begin}–{end}，{scan}；逾期记违约一次")
CHECK_IN_EXCUSED: Final = _("签到：{begin}–{end}，{scan}")
STATE: Final = _("状态：{state}")
BEFORE_START: Final = _("15 分钟后开始：{seat}")
BEFORE_END: Final = _("15 分钟后结束：{seat}")
