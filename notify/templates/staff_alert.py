"""Texts of the mail to staff members about work that waits for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from languages.text import _, _p
from models.staff.alert_kinds import AlertKind

ALERT_TITLE: Final = "有待处理的事"
ALERT_KIND_TEXT: Final[Mapping[AlertKind, str]] = {
    AlertKind.REPORTS: _("座位被占"),
    AlertKind.FAULTS: _p("reports", "报修"),
    AlertKind.APPEALS: _p("appeals", "申诉"),
    AlertKind.QUESTIONS: _("留言"),
    AlertKind.TROUBLES: _("系统异常"),
}
ALERT_LINE: Final = "{kind}：{count}"
ALERT_OPEN: Final = "打开管理后台"
ALERT_WHY: Final = "您在管理后台选择了接收这些提醒。"
ALERT_SETTINGS: Final = "修改提醒"
ALERT_PLAIN: Final = "{lines}\n\n{open}：{where}\n\n-- \n{why}\n{change}：{settings}\n"
