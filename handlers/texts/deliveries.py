from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from languages.text import _
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


NO_DELIVERY_REASON: Final = _("没有记下原因")
_STATES: Final = {
    DeliveryState.QUEUED: _("排队"),
    DeliveryState.SENDING: _("发送中"),
    DeliveryState.SENT: _("已发送"),
    DeliveryState.EXPIRED: _("已过时"),
    DeliveryState.FAILED: _("失败"),
}
_WAITED: Final = {
    LATE: _("轮到发送时已经过时"),
    OVERTAKEN: _("等待期间预约有了变化，不再发送"),
}
WECHAT_OUTCOME_TEXT: Final[Mapping[SendStatus, str]] = {
    SendStatus.SENT: _("已发送"),
    SendStatus.NO_CONSENT: _("读者没有授权，或已用完"),
    SendStatus.BAD_OPENID: _("openid 不属于这个小程序"),
    SendStatus.BAD_TEMPLATE: _("模板不存在或已停用：核对 WECHAT_TEMPLATES，每小时再试一次"),
    SendStatus.BAD_PAGE: _("页面不存在：小程序还没有发布这一页"),
    SendStatus.CONCURRENT: _("同一读者同时发送"),
    SendStatus.BAD_VALUE: _("内容不符合模板：核对 WECHAT_TEMPLATES 后重启"),
    SendStatus.QUOTA_DAY: _("当天的调用次数已用完"),
    SendStatus.QUOTA_MINUTE: _("每分钟的调用次数已用完"),
    SendStatus.TOKEN: _("access_token 无效"),
    SendStatus.REFUSED: _("微信拒绝本小程序发送：登录微信公众平台查看账号、接口权限和 IP 白名单"),
    SendStatus.USER_LIMITED: _("读者的微信账号被冻结或已注销"),
    SendStatus.BUSY: _("微信繁忙"),
    SendStatus.OTHER: _("其他错误"),
}
_WECHAT: Final = ChannelWords(
    name=_("微信"),
    messages=_("微信消息"),
    states={
        **_STATES,
        DeliveryState.NO_CONSENT: _("没有授权"),
        DeliveryState.UNBOUND: _("未绑定微信"),
    },
    meaning_of=lambda code: WECHAT_OUTCOME_TEXT[OUTCOMES.get(code, SendStatus.OTHER)],
    not_sent=_("没有发出：模板没有配置，或内容不符合模板"),
    reasons={
        **_WAITED,
        **{outcome.value: text for outcome, text in WECHAT_OUTCOME_TEXT.items()},
        PauseReason.AWAY.value: _("微信连不上"),
        UNKNOWN: _("没有收到微信的答复，可能已经送达"),
    },
    pauses={
        PauseReason.AWAY: _("微信连不上，或一直繁忙"),
        PauseReason.REFUSED: WECHAT_OUTCOME_TEXT[SendStatus.REFUSED],
        PauseReason.TOKEN: (
            _("取不到有效的 access_token：核对 WECHAT_APPID、WECHAT_SECRET 和 IP 白名单")
        ),
        PauseReason.QUOTA_DAY: _("当天的调用次数已用完"),
        PauseReason.QUOTA_MINUTE: _("每分钟的调用次数已用完"),
    },
)
MAIL_OUTCOME_TEXT: Final[Mapping[SmtpStatus, str]] = {
    SmtpStatus.SENT: _("已发送"),
    SmtpStatus.AWAY: _("邮件服务器连不上，或暂时不收"),
    SmtpStatus.LATER: _("对方邮箱已满，或暂时不收"),
    SmtpStatus.REFUSED: _("邮件服务器拒绝本服务：核对 SMTP_URL 的账号、密码和 MAIL_FROM"),
    SmtpStatus.NO_SUCH_ADDRESS: _("邮箱不存在"),
    SmtpStatus.REJECTED: _("对方拒收"),
}
_MAIL_CODES: Final[Mapping[int, str]] = {
    550: MAIL_OUTCOME_TEXT[SmtpStatus.NO_SUCH_ADDRESS],
    552: _("对方邮箱已满，或邮件太大"),
    554: MAIL_OUTCOME_TEXT[SmtpStatus.REJECTED],
}
_MAIL: Final = ChannelWords(
    name=_("邮件"),
    messages=_("邮件"),
    states={
        **_STATES,
        DeliveryState.NO_CONSENT: _("读者已关闭"),
        DeliveryState.UNBOUND: _("没有邮箱"),
    },
    meaning_of=lambda code: _MAIL_CODES.get(code, MAIL_OUTCOME_TEXT[SmtpStatus.REJECTED]),
    not_sent=_("没有发出"),
    reasons={
        **_WAITED,
        **{outcome.value: text for outcome, text in MAIL_OUTCOME_TEXT.items()},
        UNKNOWN: _("没有收到邮件服务器的答复，可能已经送达"),
    },
    pauses={
        PauseReason.AWAY: MAIL_OUTCOME_TEXT[SmtpStatus.AWAY],
        PauseReason.REFUSED: MAIL_OUTCOME_TEXT[SmtpStatus.REFUSED],
    },
)
WECOM_OUTCOME_TEXT: Final[Mapping[WeComStatus, str]] = {
    WeComStatus.SENT: _("已发送"),
    WeComStatus.NO_MEMBER: _("不是企业微信成员，或不在应用的可见范围"),
    WeComStatus.AWAY: _("企业微信连不上，或繁忙"),
    WeComStatus.LATER: _("发送太快，稍后再发"),
    WeComStatus.QUOTA: _("调用次数已用完，稍后再发"),
    WeComStatus.TOKEN: _("access_token 无效：核对 WECOM_CORP_ID 和 WECOM_SECRET"),
    WeComStatus.REFUSED: _("企业微信拒绝这个应用发送：核对应用、发送权限和可信 IP"),
    WeComStatus.OTHER: _("其他错误"),
}
_WECOM: Final = ChannelWords(
    name=_("企业微信"),
    messages=_("企业微信消息"),
    states={
        **_STATES,
        DeliveryState.UNBOUND: _("不是成员"),
    },
    meaning_of=lambda code: WECOM_OUTCOME_TEXT[WECOM_CODES.get(code, WeComStatus.OTHER)],
    not_sent=_("没有发出"),
    reasons={
        **_WAITED,
        **{outcome.value: text for outcome, text in WECOM_OUTCOME_TEXT.items()},
        UNKNOWN: _("没有收到企业微信的答复，可能已经送达"),
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
