"""对外通知 (Webhook): programs that are told what happens, and what became of their deliveries."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import WAKE_JOBS
from handlers.http.pages import LONGEST_REASON, PageRequest, form_reason, form_text, redirect
from handlers.staff.forms import form_key, refusal_at_field, typed_in
from handlers.staff.layout import render, staff_context
from handlers.staff.permissions import staff_form, staff_page
from handlers.texts.console import WRONG_TEXT
from handlers.texts.webhooks import (
    DISABLED_TEXT,
    DONE_TEXT,
    EVENT_TEXT,
    ROTATED_BEFORE,
    STATE_TEXT,
    result_text,
)
from models.identity.roles import Role
from models.kernel.errors import Conflict, InvalidRequest, NotFound
from models.kernel.text import is_printable_line
from models.webhooks import rules
from models.webhooks.entities import MOST_ENDPOINTS, WebhookEndpoint, WebhookEventType, WebhookId
from models.webhooks.errors import TooManyWebhooks, WebhookChanged, WebhookMade
from models.webhooks.staff import StaffWebhooks

PATH: Final = "/console/webhooks"
_LISTED: Final = 50
_OPERATIONS: Final = ("enable", "disable", "rotate", "end-old-secret", "delete", "retry")
_FIELDS: Final = ("url", "description", "personal", "reason")


async def webhooks(visit: PageRequest) -> web.StreamResponse:
    """All endpoints with how they stand, and the form for a new one."""
    return await _list(visit)


async def add_webhook(visit: PageRequest, form: Form) -> web.StreamResponse:
    """A new endpoint; its secret is shown this once."""
    typed, chosen = typed_in(form, _FIELDS), _chosen(form)
    try:
        made = _read(visit, typed, chosen)
        kept, secret = await visit[StaffWebhooks].add(
            staff_context(visit), form_key(form), made, form_reason(form)
        )
    except (InvalidRequest, TooManyWebhooks, WebhookMade) as error:
        return await _list(visit, chosen=chosen, **refusal_at_field(visit, error, typed))
    return await _one(visit, kept, secret=secret)


async def webhook(visit: PageRequest) -> web.StreamResponse:
    """One endpoint: what it is told, its secret's age, its deliveries. Raises: NotFound."""
    return await _one(visit, await visit[StaffWebhooks].get(visit.id))


async def change_webhook(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Another address, other events. Raises: NotFound."""
    staff, typed, chosen = visit[StaffWebhooks], typed_in(form, _FIELDS), _chosen(form)
    old = await staff.get(visit.id)
    try:
        _require_seen(form, old)
        await staff.change(
            staff_context(visit), old, _read(visit, typed, chosen, old), form_reason(form)
        )
    except (InvalidRequest, Conflict) as error:
        return await _one(visit, old, chosen=chosen, **refusal_at_field(visit, error, typed))
    return _done(old, "changed")


async def operate_webhook(visit: PageRequest, form: Form) -> web.StreamResponse:
    """What needs no more than a reason: switched on or off, another secret, the old one ended,
    deleted, sent again. Raises: NotFound."""
    staff, ctx = visit[StaffWebhooks], staff_context(visit)
    old = await staff.get(visit.id)
    operation = visit.request.match_info["verb"]
    if operation not in _OPERATIONS:
        raise NotFound()
    secret = ""
    try:
        reason = form_reason(form)
        if operation == "retry":
            await staff.send_again(ctx, old, form_text(form, "delivery") or None, reason)
            visit[WAKE_JOBS]()
            return _done(old, "again")
        _require_seen(form, old)
        match operation:
            case "enable" | "disable":
                await staff.set_enabled(ctx, old, operation == "enable", reason)
                return _done(old, f"{operation}d")
            case "rotate":
                secret = await staff.rotate_secret(ctx, old, reason)
            case "end-old-secret":
                await staff.end_old_secret(ctx, old, reason)
                return _done(old, "ended")
            case "delete":
                await staff.delete(ctx, old, reason)
                return redirect(f"{PATH}?done=deleted")
    except (InvalidRequest, Conflict) as error:
        shown = refusal_at_field(visit, error, {}) | {"opened": operation}
        if operation == "rotate" and _has_rotated(form, old):
            shown["wrong"] = ROTATED_BEFORE
        return await _one(visit, old, **shown)
    return await _one(visit, await staff.get(old.id), secret=secret)


async def test_webhook(visit: PageRequest, _: Form) -> web.StreamResponse:
    """Send a test and show its answer. Raises: NotFound."""
    endpoint = await visit[StaffWebhooks].get(visit.id)
    result = await visit[StaffWebhooks].test(staff_context(visit), endpoint)
    return await _one(visit, endpoint, tested=result)


async def _list(visit: PageRequest, **more: Any) -> web.Response:
    found = await visit[StaffWebhooks].all()
    facts: dict[str, Any] = {
        "endpoints": found,
        "most": MOST_ENDPOINTS,
        "typed": dict.fromkeys(_FIELDS, ""),
        "chosen": set(),
        "wrong": "",
        "wrong_field": "",
        "done": DONE_TEXT.get(visit.request.query.get("done", ""), ""),
    }
    return _render(visit, "webhooks", facts | more)


async def _one(visit: PageRequest, endpoint: WebhookEndpoint, **more: Any) -> web.Response:
    facts: dict[str, Any] = {
        "endpoint": endpoint,
        "record": await visit[StaffWebhooks].record_of(endpoint, _LISTED),
        "typed": {
            "url": endpoint.url,
            "description": endpoint.description,
            "personal": endpoint.personal,
            "reason": "",
        },
        "chosen": endpoint.events,
        "overlaps": endpoint.old_secret_until is not None and visit.now < endpoint.old_secret_until,
        "left_alone": endpoint.is_paused(visit.now),
        "wrong": "",
        "wrong_field": "",
        "opened": "",
        "secret": "",
        "tested": None,
        "done": DONE_TEXT.get(visit.request.query.get("done", ""), ""),
    }
    # A refused operation that has no fields of its own leaves the form as it is.
    more = {name: value for name, value in more.items() if name != "typed" or value}
    return _render(visit, "webhook", facts | more)


def _render(visit: PageRequest, template: str, facts: dict[str, Any]) -> web.Response:
    texts: dict[str, Any] = {
        "events": EVENT_TEXT,
        "disabled_text": DISABLED_TEXT,
        "states": STATE_TEXT,
        "result_text": result_text,
        "host_of": lambda url: urlsplit(url).netloc,
        "networks": bool(visit[StaffWebhooks].allowed_networks),
        "longest": LONGEST_REASON,
        "longest_url": rules.LONGEST_URL,
        "longest_description": rules.LONGEST_DESCRIPTION,
    }
    return render(visit, template, **texts | facts)


def _chosen(form: Form) -> set[str]:
    return {str(name) for name in form.getall("event", [])}


def _read(
    visit: PageRequest, typed: dict[str, str], chosen: set[str], old: WebhookEndpoint | None = None
) -> WebhookEndpoint:
    """Raises: InvalidRequest."""
    try:
        url = rules.check_url(typed["url"], visit[StaffWebhooks].allowed_networks)
    except InvalidRequest as error:
        raise InvalidRequest("url", WRONG_TEXT[str(error.details["reason"])]) from None
    name, most = typed["description"], rules.LONGEST_DESCRIPTION
    if not 0 < len(name) <= most or not is_printable_line(name):
        raise InvalidRequest("description", WRONG_TEXT["webhook_description"].format(most=most))
    known = frozenset(event for event in WebhookEventType if event in chosen)
    if not known or len(known) != len(chosen):
        raise InvalidRequest("event", WRONG_TEXT["webhook_events"])
    return WebhookEndpoint(
        old.id if old is not None else WebhookId(""), url, name, known, bool(typed["personal"])
    )


def _require_seen(form: Form, endpoint: WebhookEndpoint) -> None:
    """Raises: WebhookChanged where the page showed an earlier state."""
    if form_text(form, "base") != str(endpoint.rev):
        raise WebhookChanged()


def _has_rotated(form: Form, endpoint: WebhookEndpoint) -> bool:
    """Is the present secret that of the very form which is sent again?"""
    return form_text(form, "base") == str(endpoint.secret_rev - 1)


def _done(endpoint: WebhookEndpoint, what: str) -> web.StreamResponse:
    return redirect(f"{PATH}/{endpoint.id}?done={what}")


def webhook_routes() -> list[web.RouteDef]:
    """The pages and forms; for administrators of the whole library."""
    head, one = Role.ADMINISTRATOR, f"{PATH}/{{id}}"
    return [
        web.get(PATH, staff_page(webhooks, head, whole=True)),
        web.post(PATH, staff_form(add_webhook, head, whole=True)),
        web.get(one, staff_page(webhook, head, whole=True)),
        web.post(one, staff_form(change_webhook, head, whole=True)),
        web.post(f"{one}/test", staff_form(test_webhook, head, whole=True)),
        web.post(
            f"{one}/{{verb}}",
            staff_form(operate_webhook, head, whole=True),
        ),
    ]
