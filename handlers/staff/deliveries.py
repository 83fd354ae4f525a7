"""What became of messages on their way to WeChat, and trying again what failed."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Final

from aiohttp import web

from handlers import keys
from handlers.http.forms import Form
from handlers.http.keys import SITE, WAKE_JOBS
from handlers.http.pages import LONGEST_REASON, PageRequest, form_reason, redirect
from handlers.staff.layout import render, staff_context
from models.messages.channel_pause import PauseReason
from models.messages.entities import WECHAT_TEMPLATES, DeliveryState, Template
from notify.delivery.channel import LATE, OVERTAKEN, UNKNOWN
from notify.templates import TITLES
from notify.wechat.retry_policy import OUTCOMES, SendStatus

DAYS: Final = 7
_LISTED: Final = 50
STATE_TEXT: Final = {
    DeliveryState.QUEUED: "排队",
    DeliveryState.SENDING: "发送中",
    DeliveryState.SENT: "已发送",
    DeliveryState.NO_CONSENT: "没有授权",
    DeliveryState.UNBOUND: "未绑定微信",
    DeliveryState.EXPIRED: "已过时",
    DeliveryState.FAILED: "失败",
}
OUTCOME_TEXT: Final = {
    SendStatus.SENT: "已发送",
    SendStatus.NO_CONSENT: "读者没有授权，或已用完",
    SendStatus.BAD_OPENID: "openid 不属于这个小程序",
    SendStatus.BAD_TEMPLATE: "模板不存在或已停用：核对 WECHAT_TEMPLATES 后重启",
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
REASON_TEXT: Final = {
    **{outcome.value: text for outcome, text in OUTCOME_TEXT.items()},
    PauseReason.AWAY.value: "微信连不上",
    UNKNOWN: "没有收到微信的答复，可能已经送达",
    LATE: "轮到发送时已经过时",
    OVERTAKEN: "等待期间预约有了变化，不再发送",
}
PAUSE_TEXT: Final = {
    PauseReason.AWAY: "微信连不上，或一直繁忙",
    PauseReason.REFUSED: OUTCOME_TEXT[SendStatus.REFUSED],
    PauseReason.TOKEN: "取不到有效的 access_token：核对 WECHAT_APPID、WECHAT_SECRET 和 IP 白名单",
    PauseReason.QUOTA_DAY: "当天的调用次数已用完",
    PauseReason.QUOTA_MINUTE: "每分钟的调用次数已用完",
}


async def deliveries(visit: PageRequest) -> web.StreamResponse:
    """What became of the messages of the last days."""
    since = visit.now - timedelta(days=DAYS)
    found = await visit[keys.STAFF_DELIVERIES].overview(since, not visit[SITE].sandbox, _LISTED)
    counts: Counter[tuple[Template, DeliveryState]] = Counter()
    expired: Counter[str] = Counter()
    for template, state, reason, n in found.counts:
        counts[template, state] += n
        if state is DeliveryState.EXPIRED:
            expired[REASON_TEXT.get(reason or "", "没有记下原因")] += n
    pause = found.pause
    return render(
        visit,
        "deliveries",
        days=DAYS,
        pause=pause,
        pause_text=PAUSE_TEXT[pause.reason] if pause else "",
        states=STATE_TEXT,
        lines=[(TITLES[t], {s: counts[t, s] for s in DeliveryState}) for t in WECHAT_TEMPLATES],
        sums={s: sum(n for (_, state), n in counts.items() if state is s) for s in DeliveryState},
        expired=expired.most_common(),
        codes=[(code, _meaning(code, reason), count) for code, reason, count in found.failures],
        failed=found.failed,
        credits=[(TITLES[t], *totals) for t, totals in found.consents.items()],
        titles=TITLES,
        done=visit.request.query.get("done", ""),
        longest=LONGEST_REASON,
    )


def _meaning(code: int | None, reason: str | None) -> str:
    if reason == UNKNOWN:
        return REASON_TEXT[UNKNOWN]
    if code is None:
        return "没有发出：模板没有配置，或内容不符合模板"
    return OUTCOME_TEXT[OUTCOMES.get(code, SendStatus.OTHER)]


async def retry(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Send failed messages once more, as far as they are still relevant."""
    since = visit.now - timedelta(days=DAYS)
    queued = await visit[keys.STAFF_DELIVERIES].retry(
        staff_context(visit), since, form_reason(form)
    )
    visit[WAKE_JOBS]()
    return redirect(f"/console/deliveries?done={queued}")
