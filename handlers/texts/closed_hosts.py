"""Headings and sentences at hosts where no school is open."""

from __future__ import annotations

from typing import Final

from languages.text import _

NOTHING_HERE: Final = (_("这里没有座位预约"), _("请核对地址，或从图书馆的网站进入。"))
SUSPENDED: Final = (
    _("座位预约暂停服务"),
    _("本馆的座位预约已暂停。已有的预约仍然保存；需要帮助请到图书馆服务台。"),
)
AWAY: Final = (
    _("系统暂时无法使用"),
    _(
        "座位预约系统正在维护或重新启动。已有的预约不受影响，请稍后刷新页面；需要帮助请到图书馆服务台。"
    ),
)
