from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from languages.text import _, joined

WRONG_TEXT: Final[Mapping[str, str]] = {
    # fields of several forms
    "date_missing": _("请填写日期"),
    "clock_missing": _("请填写时间"),
    "clock_format": _("“{text}”不是时间，例如 07:00"),
    "seat_unknown": _("没有这个座位"),
    "seat_not_in_area": _("这个区域没有座位“{text}”"),
    "of_area": _("{area}：{reason}"),
    "id_format": _("编号为 2–30 个小写字母、数字或连字符"),
    "venue_missing": _("请选择场馆"),
    "place_missing": _("请选择范围"),
    "not_plannable": _("请填写从今天起两年以内的日期，结束不早于开始"),
    "nothing_changed": _("没有需要保存的更改"),
    # affected bookings
    "resolution_missing": _("请选择怎样处理这些预约"),
    "newly_affected": _("又有预约受影响，请选择怎样处理"),
    # devices
    "device_kind_missing": _("请选择种类"),
    "pairing_code_format": _("配对码是屏幕上显示的六位数字"),
    "not_for_gates": _("闸机没有屏幕，不用配对码"),
    # floor plans
    "area_id_taken": _("已有编号为 {id} 的区域"),
    "floor_out_of_range": _("楼层为 -9 到 99"),
    "not_a_plan": _("这不是平面图文件，{where} 处不符合格式"),
    "plan_of_another_area": _("这是区域 {theirs} 的平面图，不是 {ours} 的"),
    # notices
    "withdrawn_before_published": _("撤下时间应晚于发布时间"),
    "no_area_chosen": _("请选择区域"),
    "no_address": _("请先登记邮箱"),
    "announcement_time": _("结束时间应晚于开始时间，最长 15 天"),
    "announcements_often": _("一小时内最多发出 {most} 次通知，请 {minutes} 分钟后再发；没有发出"),
    # opening hours
    "opening_kind_missing": _("请选择闭馆或开放时间"),
    "not_half_hours": _("时间以半小时为单位"),
    "of_weekday": _("{weekday}：{wrong}"),
    "independent_area_only": _("独立开放只用于单个区域，请先选择区域"),
    "closure_reason_missing": _("请写明闭馆原因，读者会看到"),
    "opening_reason_length": _("原因最多 {most} 字"),
    # the policy
    "number_out_of_range": _("{name}应为 {least}–{most} {unit}"),
    "numbers_disagree": _("这些数字不能同时成立：{why}"),
    "step_not_half_hours": _("预约步长应为半小时的整数倍"),
    "shortest_above_longest": _("单次最短时长不能超过单次最长时长"),
    "meal_time_format": _("“{text}”不是一段时间，例如 11:00-13:00"),
    "too_many_meal_times": _("用餐时间最多 {most} 段"),
    "too_many_overrides": _("最多 {most} 段时间的规则，请先删除不需要的"),
    "override_name_length": _("名称为 1–{most} 字，读者可见"),
    "override_empty": _("请至少填写一个数字或选择一项"),
    "whole_library_only": _("{numbers}只能对全馆规定"),
    "venue_only": _("{numbers}只能对全馆或场馆规定"),
    # webhooks
    "webhook_url": _("请填写完整的地址，例如 https://program.example.edu.cn/webhooks"),
    "webhook_url_user": _("地址里不能有用户名和密码"),
    "webhook_url_https": _("地址应以 https:// 开头"),
    "webhook_url_port": _("端口应为 443，或者 1024 以上"),
    "webhook_url_private": _("这个地址属于内部网络，须由运维人员先允许"),
    # readers
    "suspension_end_missing": _("请填写暂停到什么时候，或选择长期"),
    "suspension_end_twice": _("暂停到某时和长期只能选一个"),
    "suspension_too_long": _("暂停的结束应在今后一年之内"),
    "page_outdated": _("请重新打开页面"),
    "instant_missing": _("请填写日期和时间"),
    "date_format": _("请填写日期，例如 2026-09-07"),
    "not_our_time": _("日期应在 2000 年到 2099 年之间"),
    "dates_reversed": _("结束应不早于开始"),
    "instants_reversed": _("结束应晚于开始"),
    "too_many_days": _("最多 {most} 天"),
    "decision_missing": _("请选择免除或不予免除"),
    "date_passed": _("日期已过"),
    # reader groups
    "group_patterns": _("第 {line} 行应写成“属性=值”，例如 userType=graduate"),
    "too_many_patterns": _("认证属性最多 {most} 行"),
    "group_missing": _("请选择读者组"),
    "membership_dates": _("结束日期早于开始日期"),
    "list_empty": _("请选择文件或粘贴名单"),
    "list_too_long": _("名单最多 {most} 行，现在有 {count} 行，请分几次导入"),
    "list_not_text": _("读不出这个文件：请另存为 CSV（UTF-8 或 GBK）"),
    "line_number": _("“{text}”不是学号或工号"),
    "line_date": _("“{text}”不是日期，例如 2026-09-01"),
    "line_dates": _("结束日期早于开始日期"),
    "line_twice": _("与第 {line} 行重复"),
    # the staff's roles
    "grant_dates": _("结束日期应不早于今天和开始日期"),
    "never_signed_in": _("没有这个学号或工号，或本人还没有登录过：请本人先登录一次"),
    # API tokens
    "token_made": _("这个令牌已经创建过；令牌只显示一次，没有记下请撤销后重新创建"),
    "scope_missing": _("请至少选择一项权限"),
    "token_days": _("请选择有效期"),
    # study rooms
    "out_of_bounds": _("应为 {least}–{most}"),
    "not_among": _("应为其中之一：{among}"),
    "hours_reversed": _("结束应晚于开始"),
    "room_hours": _("请填写开放和关闭的时间，或都留空"),
    "series_dates": _("请填写从今天起一年以内的日期，最后一天不早于第一天"),
    "block_date_alone": _("连同以后的一起改时，日期不能改"),
    "series_length": _("这样选是 {count} 天，应为 1–{most} 天"),
    "room_equipment": _("最多 {most} 件，每件 1–{longest} 字"),
    "room_off_plan": _("房间应在平面图内（最大 {most}），每边至少 {least}"),
    "room_picture_text": _("照片的说明最多 {most} 字"),
    "room_names_missing": _("请填写名称，几间用顿号隔开"),
    "room_exists": _("已有“{room}”"),
    "room_columns_missing": _("第一行应为列名，至少有“名称”或“编号”"),
    "too_many_rooms": _("一次最多 {most} 间"),
    "no_rooms": _("没有研修间"),
    "room_twice": _("“{room}”出现了两次"),
    "room_not_one": _("有几间都叫“{room}”，请填写编号"),
    "room_out_of_use": _("“{room}”已停用，请先恢复使用"),
    "room_of_another_venue": _("“{room}”在另一个场馆，不能用文件移过去"),
    "room_cell_missing": _("新的研修间必填"),
    "room_answer": _("不能是“{text}”"),
    "room_hours_text": _("应为一段时间，例如 09:00-21:00，而不是“{text}”"),
    "not_an_integer": _("应为整数，而不是“{text}”"),
    # seasons
    "season_line": _("请填写一行，不要太长"),
    "season_things": _("请选择区域或填写储物柜，共 1–5000 个"),
    "season_things_twice": _("有一个出现了两次，或名称不能用"),
    "season_lockers": _("第 {line} 行应为柜号，后面可以有大小、位置和第几层，用逗号分开"),
    "season_locker_twice": _("第 {line} 行的“{number}”在第 {first} 行已经有了"),
    "locker_column_missing": _("第一行应为列名，至少有“柜号”"),
    "too_many_lockers": _("最多 {most} 个储物柜"),
    "no_lockers": _("没有储物柜"),
    "locker_number": _("应为 1–16 个字母、数字或连字符，而不是“{text}”"),
    "locker_text": _("最多 {most} 字，不含逗号和看不见的符号"),
    "locker_row": _("应为从上往下数的第几层（1–{most}），而不是“{text}”"),
    "locker_twice": _("“{number}”在第 {first} 行已经有了"),
    "season_days": _("最后一天不能早于第一天，第一天不能早于申请开始"),
    "season_last": _("最后一天应在最晚抽签以后的一年之内"),
    "season_hours": _("座位要填每天的时间，储物柜不填"),
    "season_come_by": _("座位要填，在每天的时间之内；储物柜不填"),
    "season_days_number": _("闲置的天数为 0–30，清空的天数为 0–60"),
    "season_weights": _("权重为 0–9，不能都是 0"),
    "season_wishes": _("志愿数为 1–10"),
    "season_alternative": _("另一个数值不能与第一个相同"),
    "season_times": _("应晚于前一个时间；申请要在以后才开放"),
    # feedback
    "state_unknown": _("没有这种状态"),
    "too_many_canned": _("最多 {most} 条常用答复，请先删除不需要的"),
    # fault reports
    "fault_outcome_missing": _("请选择已修好或不需要维修"),
    # seat history
    "seat_time": _("请填写已经开始的一段时间，结束晚于开始"),
    # visitors
    "card_format": _("卡号为 4–32 个字母或数字"),
    "visit_dates": _("请填写今后一年以内的日期，结束不早于开始"),
}
"""Errors of a refused console form, by code."""
FIELD_WRONG: Final[Mapping[str, str]] = {
    "area": _("请选择区域"),
    "body": _("正文为 1–{most} 字"),
    "booking_window_days": _("应为 {least}–{most} 的整数，或留空"),
    "check_in_minutes": _("请填写 0–{most} 分钟"),
    "days": _("请选择有效期"),
    "description": _("说明为 1–{most} 字"),
    "device": _("请选择种类"),
    "event": _("请选择至少一种事件"),
    "floor": _("楼层为 {least} 到 {most}"),
    "id": _("编号为 2–30 个小写字母、数字或连字符"),
    "leave_minutes": _("请填写 0–{most} 分钟"),
    "max_minutes": _("应为 {least}–{most} 的整数，或留空"),
    "name": _("名称为 1–{most} 字"),
    "note": _("备注最多 {most} 字，不含看不见的符号"),
    "per_minute": _("每分钟次数上限请填 {least}–{most}"),
    "reason": _("请写明原因（1–{most} 字）"),
    "role": _("请选择角色"),
    "room": _("请选择研修间"),
    "shown_name": _("名称为 1–{most} 字"),
    "text": _("正文为 1–{most} 字"),
    "title": _("标题为 1–{most} 字"),
    # of one form
    "AreaForm.name": _("区域名称为 1–{most} 字"),
    "CannedTitle.title": _("名称为 1–{most} 字"),
    "GrantForm.number": WRONG_TEXT["never_signed_in"],
    "GroupForm.patterns": _("每行应写成“属性=值”，例如 userType=graduate"),
    "NewDevice.code": WRONG_TEXT["pairing_code_format"],
    **{
        f"RoomForm.{name}": _("请填写整数")
        for name in (
            *("least", "most", "min_minutes", "max_minutes", "step_minutes", "days_ahead"),
            *("bookings_a_week", "buffer_minutes", "confirm_minutes"),
        )
    },
    **dict.fromkeys(("PlaceForm.x", "PlaceForm.y", "PlaceForm.w", "PlaceForm.h"), _("请填写整数")),
    "RoomForm.equipment": _("设备里有不能显示的字符"),
    "TokenForm.name": _("请填写用途，最多 {most} 字"),
    "VenueForm.name": _("场馆名称为 1–{most} 字"),
    "VisitorForm.card": WRONG_TEXT["card_format"],
    "VisitorForm.name": _("姓名为 1–{most} 字"),
    "WebhookForm.url": WRONG_TEXT["webhook_url"],
}
"""Errors of a form's field, by the field's name, or by the form's class and the field's name."""
BLOCKING_TEXT: Final[Mapping[str, str]] = {
    "refused": _("这位读者在这段时间已有：{named}"),
    "booking": _("{seat} {start}–{end} 的预约"),
    "offer": _("为其保留的 {seat} {start}–{end}，到 {until} 为止（可在下面代为接受或放弃）"),
}
"""Texts that name the bookings and offers of a reader that stand in the way of a new booking."""
CHANGE_TEXT: Final[Mapping[str, str]] = {
    # a floor plan; seats by their numbers
    "added": _("新增 {seats}"),
    "removed": _("移除 {seats}"),
    "renumbered": _("改号 {seats}"),
    "moved": _("移动 {seats}"),
    "features_changed": _("更改设施 {seats}"),
    "disabled": _("停用 {seats}"),
    "enabled": _("恢复使用 {seats}"),
    "marks": _("更改墙壁、书架等标记"),
    "area_properties": _("更改名称、楼层或大小"),
    "imported": _("新区域，{seats} 个座位"),
    "retired": _("停用，{seats} 个座位"),
    "first_seats": _("{seats} 等 {count} 座"),
    # opening hours
    "opening": _("{days} {place} {hours}"),
    "opening_with_reason": _("{days} {place} {hours}（{reason}）"),
    "opening_removed": _("删除：{opening}"),
    # the policy
    "value": _("{name}：{was} → {now}"),
    "override": _("{days} {place}：{numbers}"),
    "override_added": _("新增“{name}”：{override}"),
    "override_removed": _("删除“{name}”：{override}"),
}
"""Summaries of changes to plans, hours and policy, for the confirmation page and the audit log."""
_LISTED: Final = 12
OUTAGE_REASON: Final = _("{kind}报修")
"""The proposed reason of a seat's outage after a fault report, in the library's language."""
RELEASED_AT_PATROL: Final = _("现场恢复使用")
"""The reason that is stored if staff have put a seat back in service with one tap on the patrol
page."""
SENT_AGAIN: Final = _("再次发送")
"""The reason that is stored if staff have sent one webhook again with one tap."""
STORED_REASONS: Final = {str(text): text for text in (RELEASED_AT_PATROL, SENT_AGAIN)}
"""The reasons that nobody typed, by their stored text."""
BETWEEN: Final[Mapping[str, str]] = {"names": _("、"), "numbers": _("，"), "changes": _("；")}
"""The separators between the items of a list, by the kind of items."""


def few_seats(names: Sequence[str]) -> str:
    """The names of the seats; of more than twelve only the first ones, with their number."""
    listed = joined(names[:_LISTED], BETWEEN["names"])
    if len(names) <= _LISTED:
        return listed
    return CHANGE_TEXT["first_seats"].format(seats=listed, count=len(names))


def days_between(first: date, last: date | None) -> str:
    """An interval of days, both included: 2026-10-01 至 2026-10-07, or 2026-10-01 起."""
    if last is None:
        return _("{first} 起", first=first)
    return _("{first} 至 {last}", first=first, last=last) if first != last else f"{first}"


EQUALS: Final = "[=＝]"
FULL_WIDTH_COMMA: Final = "，"
"""The Chinese comma, which in typed lists means the same as a comma."""
SEAT_LIST_ENDS: Final = r"[,，、;；\n]+"
"""Matches what separates the seats in a typed list: 001-020，035. A blank also separates seats,
unless a seat's name contains a blank."""
SEAT_RANGE_DASHES: Final = "[-–—至~～]"
"""Matches the dash between the first and the last seat of a typed range."""
MEAL_TIMES_ENDS: Final = r"[,，、;；\s]+"
"""Matches what separates typed meal times: 11:00-13:00，17:00-19:00."""
MEAL_TIME_DASHES: Final = "[–—至~～]"
"""Matches the characters that are read as the hyphen in a typed meal time."""

NARROWER_GROUP: Final = _(
    "读者组“{group}”的{rule}仍是 {own} {unit}，比{place}的 {library} {unit}少：本组读者反而更受限。"
    "不是有意的话，请在读者组里改为“至少”、改大或留空。"
)
"""A warning that a group's own limit is narrower than the library's."""
