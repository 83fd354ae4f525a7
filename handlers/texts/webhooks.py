from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from languages.text import _, _p
from models.webhooks.entities import (
    DisabledBy,
    WebhookDeliveryState,
    WebhookEventType,
    WebhookResult,
)

EVENT_TEXT: Final[Mapping[WebhookEventType, str]] = {
    WebhookEventType.RESERVATION_CREATED: _("预约成功"),
    WebhookEventType.RESERVATION_CHANGED: _("更改座位或时间"),
    WebhookEventType.RESERVATION_CHECKED_IN: _p("webhook", "签到"),
    WebhookEventType.RESERVATION_ENDED: _("结束或取消"),
    WebhookEventType.RESERVATION_NO_SHOW: _p("webhook", "未签到"),
    WebhookEventType.ROOM_BOOKING_CREATED: _("研修间：预约或申请"),
    WebhookEventType.ROOM_BOOKING_APPROVED: _("研修间：申请获准"),
    WebhookEventType.ROOM_BOOKING_CHANGED: _("研修间：更改房间或时间"),
    WebhookEventType.ROOM_BOOKING_CHECKED_IN: _("研修间：签到"),
    WebhookEventType.ROOM_BOOKING_ENDED: _("研修间：结束、取消或释放"),
    WebhookEventType.ROOM_BOOKING_NO_SHOW: _("研修间：未签到"),
    WebhookEventType.ROOM_BLOCK_CREATED: _("研修间：图书馆占用"),
    WebhookEventType.ROOM_BLOCK_CHANGED: _("研修间：更改图书馆占用"),
    WebhookEventType.ROOM_BLOCK_ENDED: _("研修间：取消或结束图书馆占用"),
    WebhookEventType.SEASON_HELD: _("学期座位、储物柜：分给读者"),
    WebhookEventType.SEASON_RELEASED: _("学期座位、储物柜：收回"),
    WebhookEventType.SUSPENSION_CREATED: _("暂停预约"),
    WebhookEventType.SUSPENSION_LIFTED: _("解除或缩短暂停"),
    WebhookEventType.AREA_CLOSED: _("区域停用"),
    WebhookEventType.AREA_OPENED: _("区域恢复使用"),
}
DISABLED_TEXT: Final[Mapping[DisabledBy, str]] = {
    DisabledBy.STAFF: _p("webhook", "已停用"),
    DisabledBy.GONE: _("对方答复已不存在（410），已自动停用"),
}
STATE_TEXT: Final[Mapping[WebhookDeliveryState, str]] = {
    WebhookDeliveryState.QUEUED: _("等待发送"),
    WebhookDeliveryState.SENDING: _("正在发送"),
    WebhookDeliveryState.DELIVERED: _("已送达"),
    WebhookDeliveryState.DEAD: _("未送达"),
}
_ERROR_TEXT: Final[Mapping[str, str]] = {
    "timeout": _("10 秒内没有答复"),
    "tls": _("TLS 证书未通过验证"),
    "name_not_found": _("找不到这个域名"),
    "no_connection": _("无法连接"),
    "forbidden_address": _("地址属于内部网络，不允许发送"),
    "broken": _("连接中断"),
    "deleted": _("已删除"),
}
_ANSWER_TEXT: Final[Mapping[int, str]] = {
    2: _("已收下"),
    3: _("要求转到别处，本系统不跟随"),
    4: _("对方拒收"),
    5: _("对方程序出错"),
}
"""The meaning of a receiver's response to a webhook, by the first digit of the HTTP status."""
_ANSWER: Final = _("{words}（HTTP {status}）")
_STATUS: Final = "HTTP {status}"
NO_RESULT: Final = _("还没有答复")
ROTATED_BEFORE: Final = _("密钥已经更换，只显示过一次；没有记下请再更换一次")
DONE_TEXT: Final[Mapping[str, str]] = {
    "changed": _("已保存。"),
    "enabled": _("已启用，从现在起的事件会发出。"),
    "disabled": _("已停用。"),
    "ended": _("旧密钥已失效，只用新密钥签名。"),
    "deleted": _("已删除。"),
    "again": _("已重新排队。"),
}


def result_text(result: WebhookResult | None) -> str:
    if result is None:
        return NO_RESULT
    if result.status is None:
        return _ERROR_TEXT.get(result.error, result.error)
    words = _ANSWER_TEXT.get(result.status // 100)
    return (_ANSWER if words else _STATUS).format(words=words, status=result.status)
