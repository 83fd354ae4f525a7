"""Texts of the mail to staff members about work that waits for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from languages.text import _, _p
from models.staff.alert_kinds import AlertKind

ALERT_TITLE: Final = _("有待处理的事")
ALERT_KIND_TEXT: Final[Mapping[AlertKind, str]] = {
    AlertKind.REPORTS: _p("alert", "座位被占"),
    AlertKind.FAULTS: _p("alert", "报修"),
    AlertKind.APPEALS: _p("alert", "申诉"),
    AlertKind.QUESTIONS: _p("alert", "留言"),
    AlertKind.TROUBLES: _p("alert", "系统异常"),
}
ALERT_LINE: Final = _("{kind}：{count}")
ALERT_OPEN: Final = _("打开管理后台")
ALERT_WHY: Final = _("您在管理后台选择了接收这些提醒。")
ALERT_SETTINGS: Final = _("修改提醒")
ALERT_PLAIN: Final = _("{lines}\n\n{open}：{where}\n\n-- \n{why}\n{change}：{settings}\n")
