"""Signing in by WeChat, binding, activation codes, who I am, consent to messages."""

from __future__ import annotations

from datetime import time

from aiohttp import web

from bind.account_binding import link
from handlers.accounts import presenter, schemas
from handlers.http.authentication import (
    SESSION_COOKIE,
    SIGN_INS,
    client_address,
    enforce_rate_limit,
)
from handlers.http.endpoint import ApiRequest
from handlers.messages import schemas as messages_schemas
from handlers.reservations import presenter as reservations_presenter
from handlers.services import ON_CONSENT_REPORTED
from models.identity.activation_code_repository import BindingRequest
from models.identity.entities import SessionKind
from models.kernel.time_range import local_date, local_instant, to_local
from models.messages.entities import WECHAT_TEMPLATES, Template
from models.messages.errors import UnknownTemplate
from models.reservations.state_machine import BOOKING_STATES
from models.violations.service import violation_count


async def wx_login(call: ApiRequest, body: schemas.WxLogin) -> schemas.LoginOut:
    services = call.services
    await enforce_rate_limit(services, SIGN_INS, client_address(call.request, services))
    identity = await services.sign_ins.identity(body.code)
    issued = await services.sessions.open_wx(identity.openid, identity.unionid, call.now)
    principal = await services.sessions.principal(issued.token, call.now)
    reader = presenter.reader(principal.reader) if principal.reader else None
    return schemas.LoginOut(issued.token, to_local(issued.expires_at), reader is not None, reader)


async def bind(
    call: ApiRequest, body: schemas.Bind
) -> schemas.BindingOut | schemas.BindingRequestOut:
    assert call.principal is not None
    found = await call.services.bindings.bind(call.principal, body.activation_code, call.now)
    if isinstance(found, BindingRequest):
        return presenter.binding_request(found)
    return schemas.BindingOut(presenter.reader(found))


async def preview(call: ApiRequest, body: schemas.BindingPreview) -> schemas.BindingPreviewOut:
    assert call.principal is not None
    reader = await call.services.bindings.preview(call.principal, body.activation_code, call.now)
    return schemas.BindingPreviewOut(reader.name_masked, reader.student_no_masked)


async def binding_state(call: ApiRequest) -> schemas.BindingStateOut:
    assert call.principal is not None
    found = await call.services.bindings.state(call.principal, call.now)
    return schemas.BindingStateOut(
        state=found.state,
        request=presenter.binding_request(found.request) if found.request else None,
        reader=presenter.reader(found.reader) if found.reader else None,
    )


async def confirm_binding(call: ApiRequest) -> None:
    await call.services.bindings.confirm(call.reader.id, call.id, call.now)


async def refuse_binding(call: ApiRequest) -> None:
    await call.services.bindings.refuse(call.reader.id, call.id, call.now)


async def unbind(call: ApiRequest) -> None:
    await call.services.bindings.unbind(call.reader.id)


async def activation_code(
    call: ApiRequest, body: schemas.NewActivationCode
) -> schemas.ActivationCodeOut:
    code = await call.services.bindings.get_or_create_code(call.reader.id, body.renew, call.now)
    return schemas.ActivationCodeOut(
        code=code.digits,
        expires_at=to_local(code.expires_at),
        link=link(call.services.public_base_url, code.secret),
        request=presenter.binding_request(code.request) if code.request else None,
    )


async def me(call: ApiRequest) -> schemas.CurrentReaderOut:
    assert call.principal is not None
    reader = call.principal.reader
    if reader is None:
        return schemas.CurrentReaderOut(None, [], 0, None, {})
    services, desk = call.services, call.services.desk
    midnight = local_instant(local_date(call.now), time(0))
    active = await desk.reservations.live_of(reader.id, midnight)
    window = await violation_count(desk, reader.id, call.now)
    until = reader.suspended_until
    return schemas.CurrentReaderOut(
        reader=presenter.reader(reader),
        active=[
            await reservations_presenter.reservation(desk, r, call.now)
            for r in active
            if r.state in BOOKING_STATES
        ],
        violations_count=window.count,
        suspended_until=to_local(until) if until and until > call.now else None,
        subscriptions=_named(await services.credits.remaining(reader.id)),
    )


async def subscribe(
    call: ApiRequest, body: messages_schemas.Subscribe
) -> messages_schemas.SubscriptionsOut:
    """``accept`` is one more message of that template; anything else changes nothing."""
    for name in body.results:
        if name not in WECHAT_TEMPLATES:
            raise UnknownTemplate(template=name)
    reader_id = call.reader.id
    for name, result in body.results.items():
        if result in ("accept", "acceptWithAudio"):
            await call.services.credits.add(reader_id, Template(name))
    hook = call.request.app.get(ON_CONSENT_REPORTED)
    if hook is not None and call.principal is not None and call.principal.session.openid:
        await hook(call.principal.session.openid, body.results)
    return messages_schemas.SubscriptionsOut(
        _named(await call.services.credits.remaining(reader_id))
    )


def _named(credits: dict[Template, int]) -> dict[str, int]:
    return {template.value: left for template, left in credits.items()}


async def log_out(call: ApiRequest) -> web.Response:
    assert call.principal is not None
    await call.services.sessions.close(call.principal.session)
    response = web.Response(status=204)
    if call.principal.session.kind is SessionKind.WEB:
        response.del_cookie(SESSION_COOKIE, path="/")
    return response
