"""Texts for all refusals. Each is specific, names the next step, and blames no one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from handlers.texts.labels import ROOM_STATE_TEXT, SUSPENDED_FOR
from handlers.texts.opening import in_brackets
from languages.text import _, _p, joined, short_day_text
from models.library.entities import REMOVED_FROM_PLAN

TEXTS: Final[Mapping[str, str]] = {
    "malformed": _("请求内容有误：{field}"),
    "unauthenticated": _("请先登录"),
    "not_bound": _("请先用网页上的激活码绑定身份"),
    "forbidden": _("没有权限进行这项操作"),
    "scope_missing": _("这个令牌没有 {scope} 权限，请管理员另发一个"),
    "other_venue": _("您的权限只限于自己的场馆，不能办理其他场馆或全馆的事项"),
    "last_administrator": _("这是最后一位全馆管理员，请先授予另一位管理员"),
    "second_factor_required": _("请先在网页上输入动态口令"),
    "second_factor_invalid": _("动态口令或恢复码不正确、已用过或已过期，请核对后重新输入"),
    "sign_in_again": _("您已有一段时间没有操作，请重新登录后再试"),
    "bad_origin": _("请在本站页面内操作"),
    "not_found": _("没有找到，可能已被删除"),
    "method_not_allowed": _("不支持这种请求方式"),
    "too_large": _("提交的内容太大"),
    "unsupported_media_type": _("提交的格式无法读取，请刷新页面后重新提交"),
    "request_timeout": _("内容没有在规定时间内传完，请检查网络后重新提交"),
    "throttled": _("操作太频繁，请 {retry_after}后再试"),
    "too_many_attempts": _("尝试次数过多，请 {retry_after}后再试"),
    "busy": _("现在人多，请稍后再试"),
    "unavailable": _("服务暂时不可用，请稍后再试；您的预约不会丢失"),
    "outcome_unknown": _("还没有得到结果，请稍后再试一次；同一操作不会办理两次"),
    "clock_wrong": _("这台服务器的时间不准，暂时不能办理，请稍后再试；您的预约不会丢失"),
    "internal": _("服务出错了，请稍后再试；如仍有问题，请把编号告诉服务台"),
    "seat_taken": _("该座位这段时间已被预约，请换一个座位或时间"),
    "own_overlap": _("您在这段时间已有其他预约，请换一个时间或先取消原预约"),
    "seat_kept": _("该座位留给有需要的读者，请换一个座位；如有需要请到服务台登记"),
    "group_only": _("仅限{groups}预约，请换一个"),
    "group_changed": _("这个读者组刚刚被其他人修改过，请核对后再保存"),
    "group_name_taken": _("已有同名的读者组，或已有另一个默认组，请核对后再保存"),
    "membership_changed": _("该读者的分组刚刚被其他人修改过，请核对后再保存"),
    "webhook_changed": _("这个接收方刚刚被其他人修改过，请核对后再操作"),
    "webhook_made": _("这个接收方已经新增过；密钥只显示一次，没有记下请到它的页面更换密钥"),
    "too_many_webhooks": _("接收方已达到上限（{limit} 个），请先删去不用的"),
    "too_many_groups": _("已达到上限（{limit} 个），请先删去不用的"),
    "not_admitted": _("您的来访登记从 {first} 到 {last}，这一天不能预约"),
    "notice_changed": _("这条公告刚刚被其他人修改过，请核对后再保存"),
    "card_taken": _("这张卡已登记给其他读者，请换一张，或先在卡务系统更正"),
    "device_exists": _("已有这个编号的设备"),
    "profile_changed": _("图书馆信息刚刚被其他人修改过。您写的都在下面，请核对后再保存"),
    "setup_changed": _("设置刚刚由其他人继续了，请看看现在的进度"),
    "zone_fixed": _("已有区域或预约，时区只能是 {zone}"),
    "venue_exists": _("已有这个名称的场馆"),
    "venue_in_use": _(
        "这个场馆还有区域、研修间、选座机或闸机，不能删除；还有使用中的区域或研修间时不能停用"
    ),
    "pairing_code_unknown": _(
        "没有屏幕显示这个配对码，请核对屏幕上的六位数字；每个码 10 分钟后更换"
    ),
    "pairing_over": _("这块屏幕已经配对过，或配对码已过期，请按屏幕上现在的数字重新输入"),
    "kiosk_key_changed": _("这台机器的密钥刚刚被其他人更换过，请核对现在的屏幕后再确认"),
    "venue_changed": _("该场馆刚刚被其他人修改过，请核对后再提交"),
    "room_changed": _("这个研修间刚刚被其他人修改过，或已经添加，请核对后再提交"),
    "features_changed": _("座位条件刚刚被其他人修改过，请核对后再提交"),
    "plan_changed": _("平面图刚刚被其他人修改过，请核对后再提交"),
    "area_retired": _("这个区域已停用，请先恢复使用"),
    "area_not_retired": _("只有已停用的区域可以恢复或删除，请刷新页面"),
    "area_used": _("这个区域有过预约，或者规则、开放时间里写到它，不能删除。它可以一直停用"),
    "device_changed": _("该设备刚刚被其他人修改过，请核对后再提交"),
    "device_used": _("这台设备已经连接过，不能删除。它可以一直停用"),
    "picture_changed": _("底图刚刚被其他人更换或移动过，请刷新页面后再改"),
    "rules_changed": _("规则刚刚被其他人修改过，请核对后再提交"),
    "wrong_state": _("当前状态（{state}）不能进行这项操作，请刷新后再看"),
    "seat_free": _("这个时间还有空位，可以直接预约，不用候补"),
    "feedback_changed": _("其他馆员刚刚改过，请核对现在的内容后再保存"),
    "fault_reported": _("您已报修过这里，还在处理；如要补充，请到“客服咨询”留言"),
    "erasure_not_now": _("现在不能清除，请看“我的数据”里的说明"),
    "too_many_favourites": _("常用座位最多 {most} 个，请先取消一个"),
    "too_many_faults": _("您今天的报修次数已用完，请 {retry_after}后再报，或告诉服务台"),
    "too_many_alerts": _("空位提醒最多 {most} 个，请先取消一个"),
    "already_alerted": _("您已有同样的空位提醒"),
    "party_too_large": _("这里最多 {most} 人一起坐"),
    "too_many_parties": _("当天已经 {limit} 次为同伴留座，不能再留"),
    "parties_refused": _("您前几次为同伴留的座位都没有人接受，{until} 起可以再留"),
    "no_party_during_draw": _("抽签期间不能为同伴留座，请稍后再试"),
    "invitation_over": _("这个座位已不再为您保留，可以自己预约一个"),
    "room_taken": _("研修间在这段时间已有预约或需要整理，请换一个时间"),
    "series_does_not_fit": _(
        "有的日子不合适，一天也没有占用或更改。请改日期或时间，或只要合适的日子"
    ),
    "people_busy": _("确认参加的人里有人在这段时间另有预约，请换一个时间"),
    "approval_needed": _(
        "这样更改要由图书馆重新审批：请先取消这次预约，再重新申请；只缩短时间不用审批"
    ),
    "end_before_start": _("结束时间要晚于开始时间，请重新选择"),
    "room_full": _("这个研修间最多 {most} 人，人数已满"),
    "weekly_limit": _("您这一周的研修间预约次数已用完（每周 {limit} 次）"),
    "request_too_late": _("这个研修间要先申请，最晚 {until} 提交"),
    "too_few_people": _("至少要有 {least} 人确认参加，才能签到"),
    "already_waiting": _("您在这段时间已经候补，请先取消原来的候补"),
    "not_there": _("请先在本馆签到，再反映座位无人"),
    "not_in_use": _("该座位现在没有人签到使用，可以直接预约"),
    "other_in_use": _("您正在使用另一个座位，请先结束它再签到"),
    "nothing_to_confirm": _("没有需要确认的操作"),
    "nothing_to_appeal": _("这条违约已免除或已申诉过，结果会在消息里告诉您"),
    "idempotency_key_reused": _("这个请求编号已用于另一项操作"),
    "season_not_open": _("现在不能申请或更改：申请还没有开放，或已经截止"),
    "may_not_apply": _("按这次的规则，您不在可以申请的读者之中"),
    "wish_not_given": _("“{wish}”不在这次分配的座位或储物柜里，或有几个同名，请写全名"),
    "season_changed": _("状态已经改变，或填写的数值与发起的不同，请刷新后再看"),
    "season_overlaps": _("“{title}”在这些日子里已经分配其中的座位或储物柜"),
    "nothing_held": _("您没有可以处理的座位或储物柜，或对方的已经变了，请刷新后再看"),
    "season_step_not_now": _("现在还不能，或已经不能进行这一步，请看规则里的时间"),
    "second_person_needed": _("发起的人不能自己确认，请另一位管理员确认"),
    "draw_pending": _("您为这一天的另一次预约正在抽签，请先等它的结果"),
    "in_progress": _("上一次相同的请求还在处理，请稍候"),
    "request_refused": _("这次操作没有成功，请重新操作一次"),
    "already_bound": _("此微信已绑定身份，无需再次绑定"),
    "binding_request_over": _("这次绑定已经处理过或已过期，请在网页上重新获取激活码"),
    "reader_bound_elsewhere": _("该身份已绑定其他微信，请先在网页上解除绑定"),
    "daily_limit": _("当天的预约次数已用完（每天 {limit} 次）"),
    "too_long": _("该区域一次最多 {max_minutes} 分钟，请缩短时间"),
    "too_short": _("一次至少 {min_minutes} 分钟，请选择更晚的结束时间"),
    "off_grid": _("请从列表中选择开始和结束时间"),
    "closed": _("该时间不开放{reason}，请选择开放时间内的座位"),
    "outside_horizon": _("目前只能预约到 {last_date}"),
    "not_open_yet": _("{opens_at} 起可以预约，请到时再来"),
    "in_the_past": _("开始时间已过，请选择“现在”或更晚的时间"),
    "filter_off": _("图书馆没有开放这种筛选"),
    "seat_disabled": _("该座位暂停使用{reason}，请换一个座位"),
    "suspended": _("预约已暂停，{until}前不能预约{reason}"),
    "too_early": _("还没到时间，{from} 起可以操作"),
    "too_late": _("已超过时限（{until}）"),
    "too_often": _("已达到次数上限（{limit} 次）"),
    "qr_invalid": _("这不是选座机、查询机、座位或房间的签到码，请重新扫描"),
    "qr_expired": _("签到码已过期，请扫描屏幕上正在显示的码"),
    "end_not_earlier": _("请选现在以后、原来的结束时间以前的整点"),
    "qr_used": _("这个签到码您已用过，请等待下一个码"),
    "presence_method_off": _("该场馆不用这种方式签到，请看签到页或到服务台"),
    "wrong_seat": _("这是另一个座位的座位码，请扫描您所预约的座位或房间的码"),
    "wrong_room": _("这是另一个房间的房间码，请扫描您所预约的房间或座位的码"),
    "wrong_venue": _("请扫描预约所在场馆的选座机"),
    "card_unknown": _("没有认出这张卡，请用手机扫码，或到服务台登记"),
    "email_code_invalid": _("验证码不正确或已过期，请核对后再试，或重新发送"),
    "email_address_refused": _("这个邮箱地址收不到邮件，请检查后重新填写"),
    "mail_unavailable": _("邮件服务器暂时没有回应，请 {retry_after}后再试"),
    "activation_code_invalid": _("激活码不正确或已过期，请在网页上重新获取"),
    "unknown_template": _("没有这种消息：{template}"),
    "code_invalid": _("微信登录已失效，请重新打开小程序"),
    "wechat_user_blocked": _("微信限制了此账号登录，请联系服务台"),
    "wechat_unavailable": _("微信暂时无法连接，请稍后再试"),
    "ticket_invalid": _("登录凭据已失效，请重新登录"),
    "entry_refused": _("没有认出您的身份，请回到{campus_app}重新打开，或用统一身份认证登录"),
    "entry_unavailable": _("{campus_app}暂时连不上，请稍后再试，或用统一身份认证登录"),
    "clock_held": _("有预约时，时钟只能向前调"),
    "cas_unavailable": _("统一身份认证暂不可用，请稍后再试"),
}
_OF_ROOM: Final[Mapping[str, str]] = {
    "closed": _("研修间这一天不开放{reason}，请换一天"),
    "off_grid": _("这个研修间的时间以 {step_minutes} 分钟为一格，请从列表中选择开始和结束时间"),
    "too_short": _("这个研修间一次至少 {min_minutes} 分钟，请选择更晚的结束时间"),
    "too_long": _("这个研修间一次最多 {max_minutes} 分钟，请缩短时间"),
    "outside_horizon": _("这个研修间目前只能预约到 {last_date}"),
}
"""The refusals of a room's time that say more than those of a seat's, or speak of no seat."""
_FIELDS: Final[Mapping[str, str]] = {
    "date": _("日期"),
    "start": _("开始时间"),
    "end": _("结束时间"),
    "seat_id": _("座位"),
    "page": _("页码"),
    "text": _("内容"),
    "kind": _("类型"),
    "qr": _("签到码"),
    "activation_code": _("激活码"),
}


REASONS: Final[Mapping[str, str]] = {
    "fault_kind_missing": _("请选择什么坏了"),
    "page_outdated": _("请重新打开页面"),
    "outage_over": _("停用的最后一天不能早于今天"),
    "text_missing": _("请写下您想说的"),
    "text_too_long": _("最多 {most} 字，现在有 {length} 字，请缩短"),
    "purpose_missing": _("请写明用途"),
    "text_not_printable": _("内容里有不能显示的字符，请删去后再发"),
    "reason_length": _("请写明原因（1–{most} 字）"),
    "unknown_fixture": _("没有“{kind}”这种标记"),
    "fixture_outside_plan": _("标记超出平面图"),
    "area_name_length": _("区域名称为 1–{most} 字"),
    "name_length": _("名称为 1–{most} 字"),
    "language_tag": _("“{tag}”不是语言代码，应如 en、zh-Hant"),
    "too_many_names": _("最多写 {most} 种语言的名称"),
    "floor_twice": _("同一楼层出现了两次"),
    "floor_out_of_range": _("楼层为 {least} 到 {most}"),
    "plan_size": _("平面图的宽和高为 {least}–{most}"),
    "too_many_seats": _("一个区域最多 {most} 个座位"),
    "too_many_fixtures": _("一个区域最多 {most} 个标记"),
    "seat_number_format": _("座位号“{no}”应为 1–{most} 个字母或数字，中间可以有 - . / 或空格"),
    "seat_number_twice": _("座位号 {no} 重复"),
    "seat_outside_plan": _("{no} 号超出平面图"),
    "unavailability_reason_missing": _("{no} 号：停用日期需要写明原因"),
    "unavailability_reason_length": _("{no} 号：停用原因为 1–{most} 字"),
    "unavailability_dates": _("{no} 号：停用的结束日期早于开始日期"),
    "seats_overlap": _("{other} 号与 {no} 号重叠"),
    "seat_id_not_allowed": _("座位编号“{id}”不能使用"),
    "seat_id_twice": _("座位编号重复"),
    "unknown_feature": _("座位有“{id}”这个条件，而图书馆没有：请先在“座位条件”里添加"),
    "feature_id_not_allowed": _("座位条件的编号“{id}”不能使用"),
    "feature_icon_unknown": _("请选择图标"),
    "feature_name_missing": _("请填写中文名称"),
    "feature_name_length": _("名称最多 {chinese} 个汉字，没有汉字的最多 {latin} 个字符"),
    "feature_name_reserved": _("“{name}”是座位表里另一列的名称，请换一个"),
    "feature_exists": _("已有“{name}”，停用的可以恢复"),
    "feature_names_number": _("最多 {most} 种语言"),
    "feature_names_format": _("每行一种语言，先写语言标签，例如 de Leselampe"),
    "language_tag_unknown": _("“{tag}”不是语言标签，请写 de、fr、zh-TW 这样的"),
    "too_many_features": _("最多 {most} 个在使用，请先停用不用的"),
    "profile_missing": _("请填写"),
    "profile_too_long": _("最多 {most} 字"),
    "contact_lines": _("请写 1–{most} 行，例如服务台电话"),
    "contact_line_length": _("每行最多 {most} 字"),
    "placeholder_unknown": _("没有“{{{placeholder}}}”这个数字，请从下面的列表里选"),
    "language_unknown": _("没有这种语言，请从列表里选"),
    "zone_unknown": _("没有“{zone}”这个时区，请从列表里选，例如 Asia/Shanghai"),
    "logo_too_large": _("图片最大 {most} KB，请缩小后再上传"),
    "logo_too_wide": _("图片的宽和高最多 {most} 像素，请缩小后再上传"),
    "logo_unreadable": _("请上传 PNG 或 JPEG 图片（不支持 SVG）"),
    "not_a_picture": _("这不是能读取的 PNG 或 JPEG 图片"),
    "picture_too_large": _("图片最大 {most} MB，请缩小后再上传"),
    "picture_too_costly": _("图片太复杂，没有读完。请缩小后再上传"),
    "picture_too_many_pixels": _("图片的像素太多（最多 {most} 万），请缩小后再上传"),
    "picture_place": _("底图的位置、宽度在 {most} 以内，浓淡为 5–100"),
}
"""Errors of a form field or of a part of a file, by reason."""
_TOKEN_REFUSED: Final = _("API 令牌无效、已撤销或已到期")
_CLOSED_AT_THAT_TIME: Final = _("该时间不开放{reason}，当天开放 {hours}，请选择这段时间内的座位")
_ROOM_CLOSED_THEN: Final = _("研修间这段时间不开放{reason}，当天开放 {hours}，请换一个时间")
_SEAT_UNAVAILABLE: Final[Mapping[str, str]] = {REMOVED_FROM_PLAN: _("已从平面图移除")}


def reason_text(details: Mapping[str, Any]) -> str:
    """The text for a wrong field, by the error's reason. A reason without a text is returned
    unchanged."""
    reason: str = details["reason"]
    return REASONS[reason].format_map(details) if reason in REASONS else reason


_DRAWN_BY_ANOTHER: Final = _("这次没有抽中：同一座位和时段由另一位读者抽中了，请马上另选座位或时间")
"""The refusal if another reader has won the same seat in the draw at the opening of a day's
bookings."""

_SEASON_UNDECIDED: Final = _("这一天的这个座位是学期座位，还没有放出，请换一个")
_LEFT_OUT: Final = _("那天没有 {left_out}：时钟在这时拨快了，请从列表中选择其他时间")


def text_of(code: str, details: Mapping[str, Any]) -> str:
    """The text for a refusal with its facts filled in. Facts that are missing are left out;
    times are the library's local ones (``Zone.local_facts``)."""
    facts = {name: _spoken(name, value) for name, value in details.items()}
    if code == "unauthenticated" and details.get("reason") == "token":
        return _TOKEN_REFUSED
    if code == "seat_taken" and details.get("drawn"):
        return _DRAWN_BY_ANOTHER
    if code == "not_open_yet" and details.get("season"):
        return _SEASON_UNDECIDED
    if code == "off_grid" and "left_out" in details:
        return _LEFT_OUT.format_map(facts)
    if code == "malformed" and details.get("reason") in REASONS:
        return reason_text(details)
    of_room = "room_id" in details
    if code == "closed":
        return _closed_text(facts, of_room)
    if of_room and code in _OF_ROOM:
        return _OF_ROOM[code].format_map(_Facts(facts))
    if code == "suspended":
        facts |= _suspension(facts)
    if code == "seat_disabled":
        facts["reason"] = in_brackets(facts.get("reason", ""))
    return TEXTS[code].format_map(_Facts(facts))


def _closed_text(facts: Mapping[str, str], of_room: bool) -> str:
    reason = in_brackets(facts.get("reason", ""))
    if "open" not in facts:
        return (_OF_ROOM if of_room else TEXTS)["closed"].format(reason=reason)
    opens, closes = facts["open"], facts["close"]
    later = _("{opens}–次日{closes}", opens=opens, closes=closes)
    hours = later if closes <= opens else f"{opens}–{closes}"
    text = _ROOM_CLOSED_THEN if of_room else _CLOSED_AT_THAT_TIME
    return text.format(reason=reason, hours=hours)


def _suspension(facts: Mapping[str, str]) -> dict[str, str]:
    until = _("{until} ", until=facts["until"]) if "until" in facts else _("图书馆解除")
    reason = SUSPENDED_FOR.format_map(facts) if "violations" in facts else facts.get("reason")
    return {"until": until, "reason": _("。原因：{reason}", reason=reason) if reason else ""}


def _spoken(name: str, value: Any) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is UTC:
            raise ValueError("texts need the library's local time")
        clock = f"{value:%H:%M}"
        return _p("a point in time", "{day} {clock}", day=short_day_text(value.date()), clock=clock)
    if name == "retry_after" and isinstance(value, int):
        if value < 120:
            return _("{seconds} 秒", seconds=value)
        if value < 7200:
            return _("{minutes} 分钟", minutes=-(-value // 60))
        return _("{hours} 小时", hours=-(-value // 3600))
    if name == "groups":
        return joined(value, "、")
    if name == "field":
        return _FIELDS.get(str(value), str(value))
    if name == "reason":
        return _SEAT_UNAVAILABLE.get(str(value), str(value))
    if name == "state":
        return ROOM_STATE_TEXT.get(str(value), str(value))
    return str(value)


class _Facts(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return ""
