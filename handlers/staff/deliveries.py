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
from handlers.texts.console_labels import (
    DELIVERY_REASON_TEXT,
    DELIVERY_TEXT,
    NO_DELIVERY_REASON,
    NOT_SENT,
    OUTCOME_TEXT,
    PAUSE_TEXT,
)
from models.messages.entities import WECHAT_TEMPLATES, DeliveryState, Template
from notify.delivery.channel import UNKNOWN
from notify.templates import TITLES
from notify.wechat.retry_policy import OUTCOMES, SendStatus

DAYS: Final = 7
_LISTED: Final = 50


async def deliveries(visit: PageRequest) -> web.StreamResponse:
    """What became of the messages of the last days."""
    since = visit.now - timedelta(days=DAYS)
    found = await visit[keys.STAFF_DELIVERIES].overview(since, not visit[SITE].sandbox, _LISTED)
    counts: Counter[tuple[Template, DeliveryState]] = Counter()
    expired: Counter[str] = Counter()
    for template, state, reason, n in found.counts:
        counts[template, state] += n
        if state is DeliveryState.EXPIRED:
            expired[DELIVERY_REASON_TEXT.get(reason or "", NO_DELIVERY_REASON)] += n
    pause = found.pause
    return render(
        visit,
        "deliveries",
        days=DAYS,
        pause=pause,
        pause_text=PAUSE_TEXT[pause.reason] if pause else "",
        states=DELIVERY_TEXT,
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
        return DELIVERY_REASON_TEXT[UNKNOWN]
    if code is None:
        return NOT_SENT
    return OUTCOME_TEXT[OUTCOMES.get(code, SendStatus.OTHER)]


async def retry(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Send failed messages once more, as far as they are still relevant."""
    since = visit.now - timedelta(days=DAYS)
    queued = await visit[keys.STAFF_DELIVERIES].retry(
        staff_context(visit), since, form_reason(form)
    )
    visit[WAKE_JOBS]()
    return redirect(f"/console/deliveries?done={queued}")
