"""What became of messages on their way to WeChat, and trying again what failed."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from aiohttp import web

from handlers import deeds
from handlers.web.console.frame import acting, shown
from handlers.web.pages import LONGEST_REASON, Form, Visit, reason_in, redirect
from models.message import CONSENTED, DeliveryState
from notify.messages import TITLES
from notify.wechat.verdicts import OUTCOMES, SendOutcome

DAYS: Final = 7
_LISTED: Final = 50
STATE_TEXT: Final = {
    DeliveryState.QUEUED: "排队",
    DeliveryState.SENDING: "发送中",
    DeliveryState.SENT: "已发送",
    DeliveryState.NO_CREDIT: "没有授权",
    DeliveryState.UNBOUND: "未绑定微信",
    DeliveryState.EXPIRED: "已过时",
    DeliveryState.FAILED: "失败",
}
OUTCOME_TEXT: Final = {
    SendOutcome.SENT: "已发送",
    SendOutcome.NO_CREDIT: "读者没有授权，或已用完",
    SendOutcome.BAD_OPENID: "openid 不属于这个小程序",
    SendOutcome.BAD_TEMPLATE: "模板不存在或已停用：核对 WECHAT_TEMPLATES 后重启",
    SendOutcome.BAD_PAGE: "页面不存在：小程序还没有发布这一页",
    SendOutcome.CONCURRENT: "同一读者同时发送",
    SendOutcome.BAD_VALUE: "内容不符合模板：核对 WECHAT_TEMPLATES 后重启",
    SendOutcome.QUOTA_DAY: "当天的调用次数已用完",
    SendOutcome.QUOTA_MINUTE: "每分钟的调用次数已用完",
    SendOutcome.TOKEN: "access_token 无效",
    SendOutcome.BUSY: "微信繁忙",
    SendOutcome.OTHER: "其他错误",
}


async def deliveries(visit: Visit) -> web.StreamResponse:
    services, since = visit.services, visit.now - timedelta(days=DAYS)
    counts = await services.messages.counts(since, not services.sandbox)
    codes = await services.messages.failures(since)
    return shown(
        visit,
        "deliveries",
        days=DAYS,
        states=STATE_TEXT,
        lines=[(TITLES[t], {s: counts.get((t, s), 0) for s in DeliveryState}) for t in CONSENTED],
        sums={s: sum(n for (_, state), n in counts.items() if state is s) for s in DeliveryState},
        codes=[(code, _meaning(code), count) for code, count in codes],
        failed=await services.messages.failed(since, _LISTED),
        credits=[(TITLES[t], *found) for t, found in (await services.credits.totals()).items()],
        titles=TITLES,
        done=visit.request.query.get("done", ""),
        longest=LONGEST_REASON,
    )


def _meaning(code: int | None) -> str:
    if code is None:
        return "没有发出：模板没有配置，或内容不符合模板"
    return OUTCOME_TEXT[OUTCOMES.get(code, SendOutcome.OTHER)]


async def retry(visit: Visit, form: Form) -> web.StreamResponse:
    """Queue what has failed once more, as far as it is still worth telling."""
    since = visit.now - timedelta(days=DAYS)
    queued = await deeds.retry_deliveries(acting(visit), since, reason_in(form))
    visit.services.nudge()
    return redirect(f"/console/deliveries?done={queued}")
