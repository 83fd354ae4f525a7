from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from models.webhooks.entities import (
    DisabledBy,
    WebhookDeliveryState,
    WebhookEventType,
    WebhookResult,
)

EVENT_TEXT: Final[Mapping[WebhookEventType, str]] = {
    WebhookEventType.RESERVATION_CREATED: "预约成功",
    WebhookEventType.RESERVATION_CHANGED: "更改座位或时间",
    WebhookEventType.RESERVATION_CHECKED_IN: "签到",
    WebhookEventType.RESERVATION_ENDED: "结束或取消",
    WebhookEventType.RESERVATION_NO_SHOW: "未签到",
    WebhookEventType.SUSPENSION_CREATED: "暂停预约",
    WebhookEventType.SUSPENSION_LIFTED: "解除或缩短暂停",
    WebhookEventType.AREA_CLOSED: "区域停用",
    WebhookEventType.AREA_OPENED: "区域恢复使用",
}
DISABLED_TEXT: Final[Mapping[DisabledBy, str]] = {
    DisabledBy.STAFF: "已停用",
    DisabledBy.GONE: "对方答复已不存在（410），已自动停用",
}
STATE_TEXT: Final[Mapping[WebhookDeliveryState, str]] = {
    WebhookDeliveryState.QUEUED: "等待发送",
    WebhookDeliveryState.SENDING: "正在发送",
    WebhookDeliveryState.DELIVERED: "已送达",
    WebhookDeliveryState.DEAD: "未送达",
}
_ERROR_TEXT: Final[Mapping[str, str]] = {
    "timeout": "10 秒内没有答复",
    "tls": "TLS 证书未通过验证",
    "name_not_found": "找不到这个域名",
    "no_connection": "无法连接",
    "forbidden_address": "地址属于内部网络，不允许发送",
    "broken": "连接中断",
    "deleted": "已删除",
}
_ANSWER_TEXT: Final[Mapping[int, str]] = {
    2: "已收下",
    3: "要求转到别处，本系统不跟随",
    4: "对方拒收",
    5: "对方程序出错",
}
"""The meaning of a receiver's response to a webhook, by the first digit of the HTTP status."""
_ANSWER: Final = "{words}（HTTP {status}）"
_STATUS: Final = "HTTP {status}"
NO_RESULT: Final = "还没有答复"
ROTATED_BEFORE: Final = "密钥已经更换，只显示过一次；没有记下请再更换一次"
DONE_TEXT: Final[Mapping[str, str]] = {
    "changed": "已保存。",
    "enabled": "已启用，从现在起的事件会发出。",
    "disabled": "已停用。",
    "ended": "旧密钥已失效，只用新密钥签名。",
    "deleted": "已删除。",
    "again": "已重新排队。",
}


def result_text(result: WebhookResult | None) -> str:
    if result is None:
        return NO_RESULT
    if result.status is None:
        return _ERROR_TEXT.get(result.error, result.error)
    words = _ANSWER_TEXT.get(result.status // 100)
    return (_ANSWER if words else _STATUS).format(words=words, status=result.status)
