"""The pages 对外通知 (webhooks): the list of endpoints, and one endpoint with its deliveries."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
from aiohttp import web
from msgspec import Meta

from handlers.http.forms import Form
from handlers.http.keys import WAKE_JOBS
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.staff.forms import decode, form_key, require_current
from handlers.staff.layout import render, staff_context
from handlers.staff.permissions import staff_form, staff_page
from handlers.staff.sent_forms import refuse
from handlers.texts.console import SENT_AGAIN
from handlers.texts.webhooks import (
    DISABLED_TEXT,
    DONE_TEXT,
    EVENT_TEXT,
    ROTATED_BEFORE,
    STATE_TEXT,
    result_text,
)
from models.identity.roles import Role
from models.kernel.errors import Conflict, NotFound
from models.webhooks import rules
from models.webhooks.entities import (
    MOST_ENDPOINTS,
    WebhookEndpoint,
    WebhookEventType,
    WebhookId,
    WebhookResult,
)
from models.webhooks.errors import WebhookChanged
from models.webhooks.staff import StaffWebhooks

PATH: Final = "/console/webhooks"
_LISTED: Final = 50


class WebhookForm(msgspec.Struct):
    """The settings form of an endpoint. The field `event` is sent once for each chosen type."""

    url: str
    description: Annotated[str, Meta(min_length=1, max_length=rules.LONGEST_DESCRIPTION)]
    event: Annotated[frozenset[WebhookEventType], Meta(min_length=1)]
    personal: bool = False


async def webhooks(visit: PageRequest) -> web.StreamResponse:
    endpoints = await visit[StaffWebhooks].all()
    return _render(visit, "webhooks", endpoints=endpoints, most=MOST_ENDPOINTS)


async def add_webhook(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Adds an endpoint. Its secret is shown in this response only."""
    endpoint, secret = await visit[StaffWebhooks].add(
        staff_context(visit), form_key(form), _read(visit, form), form_reason(form)
    )
    return await _one(visit, endpoint, secret=secret)


async def webhook(visit: PageRequest) -> web.StreamResponse:
    """The page of one endpoint. Raises: NotFound."""
    return await _one(visit, await visit[StaffWebhooks].get(visit.id))


async def change_webhook(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Saves the endpoint's settings. Raises: NotFound; WebhookChanged."""
    staff = visit[StaffWebhooks]
    old = await staff.get(visit.id)
    require_current(form, old.rev, WebhookChanged)
    await staff.change(staff_context(visit), old, _read(visit, form, old), form_reason(form))
    return _done(old, "changed")


async def operate_webhook(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Handles an endpoint's button, named in the path: enable, disable, delete, send dead
    deliveries again, rotate the secret, end previous secrets. Raises: NotFound; WebhookChanged."""
    staff, ctx = visit[StaffWebhooks], staff_context(visit)
    old, operation = await staff.get(visit.id), visit.request.match_info["verb"]
    delivery = form_text(form, "delivery") or None
    reason = SENT_AGAIN if operation == "retry" and delivery else form_reason(form)
    if operation == "retry":
        await staff.send_again(ctx, old, delivery, reason)
        visit[WAKE_JOBS]()
        return _done(old, "again")
    if operation == "rotate":
        return await _rotate(visit, form, old, reason)
    require_current(form, old.rev, WebhookChanged)
    match operation:
        case "enable" | "disable":
            await staff.set_enabled(ctx, old, operation == "enable", reason)
            return _done(old, f"{operation}d")
        case "end-old-secret":
            await staff.end_old_secret(ctx, old, reason)
            return _done(old, "ended")
        case "delete":
            await staff.delete(ctx, old, reason)
            return redirect(f"{PATH}?done=deleted")
    raise NotFound()


async def _rotate(
    visit: PageRequest, form: Form, old: WebhookEndpoint, reason: str
) -> web.StreamResponse:
    """Rotates the secret; only this response shows the new secret. If a form was sent twice, the
    second request is refused with an explanation."""
    staff = visit[StaffWebhooks]
    try:
        require_current(form, old.rev, WebhookChanged)
        secret = await staff.rotate_secret(staff_context(visit), old, reason)
    except Conflict as error:
        refuse(visit, form, error, ROTATED_BEFORE if _has_rotated(form, old) else "")
        return await _one(visit, old)
    return await _one(visit, await staff.get(old.id), secret=secret)


async def test_webhook(visit: PageRequest, _: Form) -> web.StreamResponse:
    """Sends a test event to the endpoint and shows the result. Raises: NotFound."""
    endpoint = await visit[StaffWebhooks].get(visit.id)
    result = await visit[StaffWebhooks].test(staff_context(visit), endpoint)
    return await _one(visit, endpoint, tested=result)


async def _one(
    visit: PageRequest,
    endpoint: WebhookEndpoint,
    secret: str = "",
    tested: WebhookResult | None = None,
) -> web.Response:
    return _render(
        visit,
        "webhook",
        endpoint=endpoint,
        record=await visit[StaffWebhooks].record_of(endpoint, _LISTED),
        overlaps=endpoint.old_secret_until is not None and visit.now < endpoint.old_secret_until,
        paused=endpoint.is_paused(visit.now),
        secret=secret,
        tested=tested,
    )


def _render(visit: PageRequest, template: str, **facts: Any) -> web.Response:
    return render(
        visit,
        template,
        done=DONE_TEXT.get(visit.request.query.get("done", ""), ""),
        events=EVENT_TEXT,
        disabled_text=DISABLED_TEXT,
        states=STATE_TEXT,
        result_text=result_text,
        host_of=lambda url: urlsplit(url).netloc,
        networks=bool(visit[StaffWebhooks].allowed_networks),
        longest_url=rules.LONGEST_URL,
        longest_description=rules.LONGEST_DESCRIPTION,
        **facts,
    )


def _read(visit: PageRequest, form: Form, old: WebhookEndpoint | None = None) -> WebhookEndpoint:
    """The endpoint that the form describes; the id is that of ``old``, empty for a new endpoint.
    Raises: Malformed."""
    typed = decode(visit.zone, form, WebhookForm)
    return WebhookEndpoint(
        old.id if old is not None else WebhookId(""),
        rules.check_url(typed.url, visit[StaffWebhooks].allowed_networks),
        typed.description,
        typed.event,
        typed.personal,
    )


def _has_rotated(form: Form, endpoint: WebhookEndpoint) -> bool:
    """True if this form was sent before and has rotated the secret then: the first change after
    the form was loaded set the endpoint's current secret (``secret_rev``)."""
    return form_text(form, "base") == str(endpoint.secret_rev - 1)


def _done(endpoint: WebhookEndpoint, what: str) -> web.StreamResponse:
    return redirect(f"{PATH}/{endpoint.id}?done={what}")


def webhook_routes() -> list[web.RouteDef]:
    """All routes of the webhook pages, which only administrators of the whole library may use."""
    page_route = partial(staff_page, role=Role.ADMINISTRATOR, whole=True)
    form_route = partial(staff_form, role=Role.ADMINISTRATOR, whole=True)
    one = f"{PATH}/{{id}}"
    return [
        web.get(PATH, page_route(webhooks)),
        web.post(PATH, form_route(add_webhook, page=webhooks)),
        web.get(one, page_route(webhook)),
        web.post(one, form_route(change_webhook, page=webhook)),
        web.post(f"{one}/test", form_route(test_webhook)),
        web.post(f"{one}/{{verb}}", form_route(operate_webhook, page=webhook)),
    ]
