"""What became of messages on their way by each channel, and trying again what failed."""

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
    """What became of the messages of the last days by one of the channels."""
    channels = visit[StaffDeliveries].channels
    asked = {**visit.request.query, **visit.request.match_info}
    channel = _channel(visit, asked.get("channel", channels[0] if channels else ""))
    since = visit.now - timedelta(days=DAYS)
    found = await visit[StaffDeliveries].overview(channel, since, visit[SITE].wall_clock, _LISTED)
    words, counts = CHANNEL_WORDS[channel], _counts(channel, found)
    expired: Counter[str] = Counter()
    for _, state, reason, n in found.counts:
        if state is DeliveryState.EXPIRED:
            expired[words.reasons.get(reason or "", NO_DELIVERY_REASON)] += n
    pause = found.pause
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
        codes=[(code, words.meaning(code, reason), n) for code, reason, n in found.failures],
        failed=found.failed,
        credits=[
            (TITLES[t], t in visit[MessageService].long_term, allowed)
            for t, allowed in found.consents.items()
        ]
        if channel is Channel.WECHAT
        else [],
        titles=TITLES,
    )


def _counts(channel: Channel, found: DeliveryOverview) -> Counter[tuple[Template, DeliveryState]]:
    """By template and state. What nobody asked for has no delivery."""
    counts: Counter[tuple[Template, DeliveryState]] = Counter()
    for template, state, _, n in found.counts:
        counts[template, state] += n
    if channel is Channel.WECHAT:
        for template in WECHAT_TEMPLATES:
            queued = sum(counts[template, state] for state in DeliveryState)
            unasked = max(0, found.messages.get(template, 0) - queued)
            counts[template, DeliveryState.NO_CONSENT] += unasked
    return counts


def _channel(visit: PageRequest, name: str) -> Channel:
    """Raises: NotFound where the library has not set it up."""
    for channel in visit[StaffDeliveries].channels:
        if channel == name:
            return channel
    raise NotFound()


async def retry(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Send once more what failed by a channel, as far as it is still relevant."""
    since, channel = (
        visit.now - timedelta(days=DAYS),
        _channel(visit, visit.request.match_info["channel"]),
    )
    queued = await visit[StaffDeliveries].retry(
        staff_context(visit), channel, since, form_reason(form)
    )
    visit[WAKE_JOBS]()
    return redirect(f"/console/deliveries?channel={channel}&done={queued}")
