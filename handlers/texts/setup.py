from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from languages.text import _, _p

PROFILE_FIELDS: Final[Mapping[str, str]] = {
    "name": _("名称"),
    "title": _("网页标题"),
    "contact": _("联系方式"),
    "audience": _("服务对象"),
    "running_line": _("滚动提示"),
    "rules_text": _("使用规则"),
    "campus_app": _("校园应用名称"),
    "mini_program": _("小程序名称"),
    "menu": _("公众号菜单"),
    "language": _("语言"),
    "zone": _("时区"),
    "zone_minutes": _("与世界时相差（分钟）"),
    "logo": _("标志"),
}
WRONG_FIELD: Final = _("{field}：{wrong}")

STEP_TEXT: Final[Mapping[str, str]] = {
    "profile": _("名称、标志、联系方式和用语"),
    "venues": _("场馆"),
    "hours": _("每周开放时间"),
    "floors": _("楼层和座位"),
    "rooms": _p("several", "研修间"),
    "rules": _("预约规则"),
    "staff": _("馆员和设备"),
}
STEP_WHY: Final[Mapping[str, str]] = {
    "profile": (
        _(
            "读者在每个页面上看到的名称、标志和滚动提示，客服咨询里的联系方式，"
            "使用规则的写法；时区也在这里定。"
        )
    ),
    "venues": _("一栋楼或一个分馆是一个场馆。区域、选座机和闸机都属于场馆。"),
    "hours": _("一周里每天几点开、几点关。不改就是每天 07:00–22:30。"),
    "floors": _("画出或导入每个区域的平面图。有了座位，读者就能预约。"),
    "rooms": _("整间预约的小房间：有几间、叫什么、各能容几人。可以一次新增几间，或从表格导入。"),
    "rules": _("能约几天、一次多久、怎样算违约。不改就是常用的数字。"),
    "staff": (
        _(
            "馆员由统一身份认证的用户组或名单确定，请系统管理员写进服务的设置。"
            "选座机、查询机和闸机在“签到方式与设备”里添加；也可以只用座位码签到。"
        )
    ),
}
STEP_KEEP: Final[Mapping[str, str]] = {
    "hours": _("就用现在的开放时间"),
    "rooms": _("没有研修间，不用设置"),
    "rules": _("就用现在的规则"),
    "staff": _("已经安排好"),
}
"""The text of the button that accepts the defaults of a step in the first run. Steps that are
not listed have no such button."""
STEP_STATE: Final[Mapping[str, str]] = {
    "done": _("已完成"),
    "later": _("稍后再设"),
    "open": _("未完成"),
}
MARK_TEXT_OF_STEP: Final[Mapping[str, str]] = {
    "begun": _p("mark", "开始"),
    "done": _("已完成"),
    "later": _("稍后再设"),
    "all_done": _("全部完成"),
}
NEXT_STEP: Final = _("”“")
"""Separates the names of steps in a quotation."""
SETUP_WRONG: Final[Mapping[str, str]] = {
    "not_ready": _("还没有座位：请先完成“{steps}”"),
}
