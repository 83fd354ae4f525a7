"""The console's page of deliveries by channel, with a retry of the failed ones."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Final

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import SITE, WAKE_JOBS
from handlers.http.pages import PageRequest, form_reason, redirect
from handlers.staff.layout import render, staff_context
from handlers.texts.deliveries import CHANNEL_WORDS, NO_DELIVERY_REASON
from models.kernel.errors import NotFound
from models.messages.entities import WECHAT_TEMPLATES, Channel, DeliveryState, Template
from models.messages.service import MessageService
from models.messages.staff import DeliveryOverview, StaffDeliveries
from notify.templates import TITLES

DAYS: Final = 7
_LISTED: Final = 50


async def deliveries(visit: PageRequest) -> web.StreamResponse:
    channels = visit[StaffDeliveries].channels
    parameters = {**visit.request.query, **visit.request.match_info}
    channel = _channel(visit, parameters.get("channel", channels[0] if channels else ""))
    since = visit.now - timedelta(days=DAYS)
    overview = await visit[StaffDeliveries].overview(
        channel, since, visit[SITE].wall_clock, _LISTED
    )
    words, counts = CHANNEL_WORDS[channel], _counts(channel, overview)
    expired: Counter[str] = Counter()
    for _, state, reason, n in overview.counts:
        if state is DeliveryState.EXPIRED:
            expired[words.reasons.get(reason or "", NO_DELIVERY_REASON)] += n
    pause = overview.pause
    return render(
        visit,
        "deliveries",
        days=DAYS,
        channel=channel,
        channels=[(c, CHANNEL_WORDS[c].name) for c in channels],
        name=words.name,
        pause=pause,
        pause_text=words.pauses[pause.reason] if pause else "",
        states=words.states,
        lines=[
            (TITLES[t], {s: counts[t, s] for s in DeliveryState})
            for t in Template
            if t in TITLES and (channel is not Channel.WECHAT or t in WECHAT_TEMPLATES)
        ],
        sums={s: sum(n for (_, state), n in counts.items() if state is s) for s in DeliveryState},
        expired=expired.most_common(),
        codes=[(code, words.meaning(code, reason), n) for code, reason, n in overview.failures],
        failed=overview.failed,
        credits=[
            (TITLES[t], t in visit[MessageService].long_term, allowed)
            for t, allowed in overview.consents.items()
        ]
        if channel is Channel.WECHAT
        else [],
        titles=TITLES,
    )


def _counts(
    channel: Channel, overview: DeliveryOverview
) -> Counter[tuple[Template, DeliveryState]]:
    """The number of deliveries by template and state. A message without its reader's consent has
    no delivery; such messages are the template's messages minus its deliveries."""
    counts: Counter[tuple[Template, DeliveryState]] = Counter()
    for template, state, _, n in overview.counts:
        counts[template, state] += n
    if channel is Channel.WECHAT:
        for template in WECHAT_TEMPLATES:
            queued = sum(counts[template, state] for state in DeliveryState)
            unasked = max(0, overview.messages.get(template, 0) - queued)
            counts[template, DeliveryState.NO_CONSENT] += unasked
    return counts


def _channel(visit: PageRequest, name: str) -> Channel:
    """The channel of this name. Raises: NotFound if the library does not use it."""
    for channel in visit[StaffDeliveries].channels:
        if channel == name:
            return channel
    raise NotFound()


async def retry(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Queues the channel's failed, still relevant deliveries of the last ``DAYS`` days again."""
    since, channel = (
        visit.now - timedelta(days=DAYS),
        _channel(visit, visit.request.match_info["channel"]),
    )
    queued = await visit[StaffDeliveries].retry(
        staff_context(visit), channel, since, form_reason(form)
    )
    visit[WAKE_JOBS]()
    return redirect(f"/console/deliveries?channel={channel}&done={queued}")
