from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from models.messages.channel_pause import PauseReason
from models.messages.entities import Channel, DeliveryState
from notify.delivery.channel import UNKNOWN
from notify.delivery.outcomes import LATE, OVERTAKEN
from notify.email.smtp_client import SmtpStatus
from notify.wechat.retry_policy import OUTCOMES, SendStatus
from notify.wecom.channel import WECOM_CODES, WeComStatus


@dataclass(frozen=True, slots=True)
class ChannelWords:
    """The words for one channel on the page of deliveries. ``messages``: the channel's name for
    a message. ``meaning_of``: returns the meaning of a result code. ``not_sent``: the text for a
    delivery without a result code. ``reasons``: why a delivery waits or has expired."""

    name: str
    messages: str
    states: Mapping[DeliveryState, str]
    meaning_of: Callable[[int], str]
    not_sent: str
    reasons: Mapping[str, str]
    pauses: Mapping[PauseReason, str]

    def meaning(self, code: int | None, reason: str | None) -> str:
        if reason == UNKNOWN:
            return self.reasons[UNKNOWN]
        return self.not_sent if code is None else self.meaning_of(code)


NO_DELIVERY_REASON: Final = "没有记下原因"
_STATES: Final = {
    DeliveryState.QUEUED: "排队",
    DeliveryState.SENDING: "发送中",
    DeliveryState.SENT: "已发送",
    DeliveryState.EXPIRED: "已过时",
    DeliveryState.FAILED: "失败",
}
_WAITED: Final = {
    LATE: "轮到发送时已经过时",
    OVERTAKEN: "等待期间预约有了变化，不再发送",
}
WECHAT_OUTCOME_TEXT: Final[Mapping[SendStatus, str]] = {
    SendStatus.SENT: "已发送",
    SendStatus.NO_CONSENT: "读者没有授权，或已用完",
    SendStatus.BAD_OPENID: "openid 不属于这个小程序",
    SendStatus.BAD_TEMPLATE: "模板不存在或已停用：核对 WECHAT_TEMPLATES，每小时再试一次",
    SendStatus.BAD_PAGE: "页面不存在：小程序还没有发布这一页",
    SendStatus.CONCURRENT: "同一读者同时发送",
    SendStatus.BAD_VALUE: "内容不符合模板：核对 WECHAT_TEMPLATES 后重启",
    SendStatus.QUOTA_DAY: "当天的调用次数已用完",
    SendStatus.QUOTA_MINUTE: "每分钟的调用次数已用完",
    SendStatus.TOKEN: "access_token 无效",
    SendStatus.REFUSED: "微信拒绝本小程序发送：登录微信公众平台查看账号、接口权限和 IP 白名单",
    SendStatus.USER_LIMITED: "读者的微信账号被冻结或已注销",
    SendStatus.BUSY: "微信繁忙",
    SendStatus.OTHER: "其他错误",
}
_WECHAT: Final = ChannelWords(
    name="微信",
    messages="微信消息",
    states={
        **_STATES,
        DeliveryState.NO_CONSENT: "没有授权",
        DeliveryState.UNBOUND: "未绑定微信",
    },
    meaning_of=lambda code: WECHAT_OUTCOME_TEXT[OUTCOMES.get(code, SendStatus.OTHER)],
    not_sent="没有发出：模板没有配置，或内容不符合模板",
    reasons={
        **_WAITED,
        **{outcome.value: text for outcome, text in WECHAT_OUTCOME_TEXT.items()},
        PauseReason.AWAY.value: "微信连不上",
        UNKNOWN: "没有收到微信的答复，可能已经送达",
    },
    pauses={
        PauseReason.AWAY: "微信连不上，或一直繁忙",
        PauseReason.REFUSED: WECHAT_OUTCOME_TEXT[SendStatus.REFUSED],
        PauseReason.TOKEN: (
            "取不到有效的 access_token：核对 WECHAT_APPID、WECHAT_SECRET 和 IP 白名单"
        ),
        PauseReason.QUOTA_DAY: "当天的调用次数已用完",
        PauseReason.QUOTA_MINUTE: "每分钟的调用次数已用完",
    },
)
MAIL_OUTCOME_TEXT: Final[Mapping[SmtpStatus, str]] = {
    SmtpStatus.SENT: "已发送",
    SmtpStatus.AWAY: "邮件服务器连不上，或暂时不收",
    SmtpStatus.LATER: "对方邮箱已满，或暂时不收",
    SmtpStatus.REFUSED: "邮件服务器拒绝本服务：核对 SMTP_URL 的账号、密码和 MAIL_FROM",
    SmtpStatus.NO_SUCH_ADDRESS: "邮箱不存在",
    SmtpStatus.REJECTED: "对方拒收",
}
_MAIL_CODES: Final[Mapping[int, str]] = {
    550: MAIL_OUTCOME_TEXT[SmtpStatus.NO_SUCH_ADDRESS],
    552: "对方邮箱已满，或邮件太大",
    554: MAIL_OUTCOME_TEXT[SmtpStatus.REJECTED],
}
_MAIL: Final = ChannelWords(
    name="邮件",
    messages="邮件",
    states={
        **_STATES,
        DeliveryState.NO_CONSENT: "读者已关闭",
        DeliveryState.UNBOUND: "没有邮箱",
    },
    meaning_of=lambda code: _MAIL_CODES.get(code, MAIL_OUTCOME_TEXT[SmtpStatus.REJECTED]),
    not_sent="没有发出",
    reasons={
        **_WAITED,
        **{outcome.value: text for outcome, text in MAIL_OUTCOME_TEXT.items()},
        UNKNOWN: "没有收到邮件服务器的答复，可能已经送达",
    },
    pauses={
        PauseReason.AWAY: MAIL_OUTCOME_TEXT[SmtpStatus.AWAY],
        PauseReason.REFUSED: MAIL_OUTCOME_TEXT[SmtpStatus.REFUSED],
    },
)
WECOM_OUTCOME_TEXT: Final[Mapping[WeComStatus, str]] = {
    WeComStatus.SENT: "已发送",
    WeComStatus.NO_MEMBER: "不是企业微信成员，或不在应用的可见范围",
    WeComStatus.AWAY: "企业微信连不上，或繁忙",
    WeComStatus.LATER: "发送太快，稍后再发",
    WeComStatus.QUOTA: "调用次数已用完，稍后再发",
    WeComStatus.TOKEN: "access_token 无效：核对 WECOM_CORP_ID 和 WECOM_SECRET",
    WeComStatus.REFUSED: "企业微信拒绝这个应用发送：核对应用、发送权限和可信 IP",
    WeComStatus.OTHER: "其他错误",
}
_WECOM: Final = ChannelWords(
    name="企业微信",
    messages="企业微信消息",
    states={
        **_STATES,
        DeliveryState.UNBOUND: "不是成员",
    },
    meaning_of=lambda code: WECOM_OUTCOME_TEXT[WECOM_CODES.get(code, WeComStatus.OTHER)],
    not_sent="没有发出",
    reasons={
        **_WAITED,
        **{outcome.value: text for outcome, text in WECOM_OUTCOME_TEXT.items()},
        UNKNOWN: "没有收到企业微信的答复，可能已经送达",
    },
    pauses={
        PauseReason.AWAY: WECOM_OUTCOME_TEXT[WeComStatus.AWAY],
        PauseReason.TOKEN: WECOM_OUTCOME_TEXT[WeComStatus.TOKEN],
        PauseReason.REFUSED: WECOM_OUTCOME_TEXT[WeComStatus.REFUSED],
        PauseReason.QUOTA_MINUTE: WECOM_OUTCOME_TEXT[WeComStatus.QUOTA],
    },
)
CHANNEL_WORDS: Final[Mapping[Channel, ChannelWords]] = {
    Channel.WECHAT: _WECHAT,
    Channel.EMAIL: _MAIL,
    Channel.WECOM: _WECOM,
}
