"""The messages that remind people of a study room of its check-in, and its booker of people who
lack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from languages.text import Text, _
from models.library.entities import CheckInWay
from models.reservations.room_booking import RoomReminder
from notify.templates.rendering import SCAN_BY

ROOM_SCAN_BY: Final[Mapping[CheckInWay, Text | str]] = {
    **SCAN_BY,
    CheckInWay.KIOSK_OR_LABEL: _("到选座机、查询机扫码或扫房间码"),
    CheckInWay.SEAT_LABEL: _("扫房间码"),
    CheckInWay.GATE: SCAN_BY[CheckInWay.DESK],
}
"""How the people of a room check in, by the way of its venue. A gate knows nothing of rooms."""
REMINDER_TEXT: Final[Mapping[RoomReminder, str]] = {
    RoomReminder.PEOPLE: _(
        "{room}，{span}：已确认 {people} 人，至少要 {least} 人。"
        "{until} 前人不够，房间就释放，请再邀请同伴。"
    ),
    RoomReminder.CHECK_IN_OPENS: _(
        "{room}，{span}：现在可以签到了，请在 {until} 前{scan}，有一人签到就行。"
    ),
    RoomReminder.CHECK_IN_ENDS: _(
        "{room}，{span}：还没有人签到，请在 {until} 前{scan}，有一人签到就行；"
        "到时没有人签到，房间就释放。"
    ),
}
CANCEL_IN_TIME: Final = _("来不了请取消预约，把房间让给需要的同学。")
PLACES: Final[Mapping[CheckInWay, str]] = {
    CheckInWay.KIOSK: "选座机或查询机",
    CheckInWay.KIOSK_OR_LABEL: "选座机、查询机或房间码",
    CheckInWay.SEAT_LABEL: "房间门上的房间码",
    CheckInWay.GATE: "服务台",
    CheckInWay.DESK: "服务台",
}
"""The places to check in, in WeChat's templates, which have Chinese only."""
TIP: Final = "有一人签到就行，逾期释放房间"
