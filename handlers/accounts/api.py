from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from bind.account_binding import AccountBindingService, link
from bind.reader_languages import ReaderLanguages
from bind.scanned_codes import ScannedCodes
from bind.wechat_logins import WeChatLogins
from handlers.accounts import presenter, schemas
from handlers.accounts.keys import ON_CONSENT_REPORTED
from handlers.accounts.schemas import (
    ActivationCodeOut,
    Bind,
    BindingOut,
    BindingPreview,
    BindingPreviewOut,
    BindingRequestOut,
    BindingStateOut,
    ChosenLanguage,
    CurrentReaderOut,
    LoginOut,
    NewActivationCode,
    WxLogin,
)
from handlers.http.api_routes import ApiRoutes
from handlers.http.authentication import (
    SIGN_INS,
    client_address,
    enforce_rate_limit,
)
from handlers.http.cookies import forget_session_cookie
from handlers.http.endpoint import BROWSER, PHONE, Access, ApiRequest
from handlers.http.keys import REFERENCE, SESSIONS, SITE
from handlers.http.language import named_language
from handlers.http.presenting import suspension
from handlers.messages.schemas import Subscribe, SubscriptionsOut
from handlers.reservations.presenter import reservation
from languages.catalogue import LANGUAGES
from models.booking.service import ReservationService
from models.erasure.errors import ErasureNotNow
from models.erasure.own_data import OwnData
from models.identity.activation_code_repository import BindingRequest
from models.identity.entities import SessionKind
from models.identity.errors import (
    ActivationCodeInvalid,
    AlreadyBound,
    BindingRequestOver,
    ReaderBoundElsewhere,
)
from models.kernel.errors import Malformed, TooManyAttempts
from models.messages.entities import WECHAT_TEMPLATES, Template
from models.messages.errors import UnknownTemplate
from models.messages.service import MessageService
from models.reservations.state_machine import BOOKING_STATES
from models.violations.service import ViolationService
from notify.routing import ChannelRouting
from notify.wechat.errors import CodeInvalid, WeChatUnavailable, WeChatUserBlocked

routes = ApiRoutes()


@routes.post(
    "/wx/login",
    "Exchange a wx.login code for a token",
    Access.ANYONE,
    signs_in=True,
    errors=(CodeInvalid, WeChatUserBlocked, WeChatUnavailable),
)
async def wx_login(call: ApiRequest, body: WxLogin) -> LoginOut:
    await enforce_rate_limit(call.request, SIGN_INS, client_address(call.request))
    identity = await call[WeChatLogins].identity(body.code)
    issued = await call[SESSIONS].open_wx(identity.openid, identity.unionid, call.now)
    principal = await call[SESSIONS].principal(issued.token, call.now)
    reader = None
    if principal.reader is not None:
        reader = presenter.reader(principal.reader)
        await call[ReaderLanguages].learn(principal.reader, named_language(call.request))
    note = None
    if body.scan_note is not None:
        codes, session_id = call[ScannedCodes], principal.session.id
        note = codes.note_after_login(body.scan_note, session_id, call.now)
    return LoginOut(
        issued.token, call.zone.local(issued.expires_at), reader is not None, reader, note
    )


@routes.post(
    "/bindings",
    "Bind the WeChat user to the reader who showed the activation code",
    Access.SESSION,
    sessions=PHONE,
    answer=schemas.BindingOut,
    accepted=schemas.BindingRequestOut,
    status=201,
    errors=(
        ActivationCodeInvalid,
        AlreadyBound,
        ReaderBoundElsewhere,
        TooManyAttempts,
    ),
)
async def bind(call: ApiRequest, body: Bind) -> BindingOut | BindingRequestOut:
    assert call.principal is not None
    outcome = await call[AccountBindingService].bind(call.principal, body.activation_code, call.now)
    if isinstance(outcome, BindingRequest):
        return presenter.binding_request(call.zone, outcome)
    await call[ReaderLanguages].learn(outcome, named_language(call.request))
    return BindingOut(presenter.reader(outcome))


@routes.post(
    "/bindings/preview",
    "Get the masked name and number of the reader whom a scanned code would bind",
    Access.SESSION,
    sessions=PHONE,
    errors=(ActivationCodeInvalid, AlreadyBound),
)
async def preview_binding(call: ApiRequest, body: BindingPreview) -> BindingPreviewOut:
    assert call.principal is not None
    reader = await call[AccountBindingService].preview(
        call.principal, body.activation_code, call.now
    )
    return BindingPreviewOut(reader.name_masked, reader.student_no_masked)


@routes.get(
    "/binding-requests/current",
    "Get the state of the WeChat user's latest binding request",
    Access.SESSION,
    sessions=PHONE,
)
async def binding_state(call: ApiRequest) -> BindingStateOut:
    assert call.principal is not None
    binding = await call[AccountBindingService].state(call.principal, call.now)
    return BindingStateOut(
        state=binding.state,
        request=presenter.binding_request(call.zone, binding.request) if binding.request else None,
        reader=presenter.reader(binding.reader) if binding.reader else None,
    )


@routes.post(
    "/binding-requests/{id}/confirm",
    "Confirm a binding request (是我): the waiting WeChat user is bound",
    sessions=BROWSER,
    errors=(
        BindingRequestOver,
        AlreadyBound,
        ReaderBoundElsewhere,
    ),
)
async def confirm_binding(call: ApiRequest) -> None:
    await call[AccountBindingService].confirm(call.reader.id, call.id, call.now)


@routes.post(
    "/binding-requests/{id}/refuse",
    "Refuse a binding request (不是我) and revoke the activation code",
    sessions=BROWSER,
    errors=(BindingRequestOver,),
)
async def refuse_binding(call: ApiRequest) -> None:
    await call[AccountBindingService].refuse(call.reader.id, call.id, call.now)


@routes.delete("/me", "Erase the reader's data", sessions=PHONE, errors=(ErasureNotNow,))
async def erase(call: ApiRequest) -> None:
    assert call.principal is not None
    works_here = bool(call.principal.granted_on(call.zone, call.now))
    await call[OwnData].erase(call.reader, works_here, call.now)


@routes.delete("/bindings/current", "Unbind the reader's WeChat user")
async def unbind(call: ApiRequest) -> None:
    assert call.principal is not None
    await call[AccountBindingService].unbind(call.reader.id, call.principal.session)


@routes.post(
    "/activation-codes",
    "Get the reader's valid activation code, or create one",
    sessions=BROWSER,
    status=201,
    body_optional=True,
)
async def activation_code(call: ApiRequest, body: NewActivationCode) -> ActivationCodeOut:
    code = await call[AccountBindingService].get_or_create_code(
        call.reader.id, body.renew, call.now
    )
    return ActivationCodeOut(
        code=code.digits,
        expires_at=call.zone.local(code.expires_at),
        link=link(call[SITE].public_base_url, code.secret),
        request=presenter.binding_request(call.zone, code.request) if code.request else None,
    )


@routes.get(
    "/me",
    "Get the session's reader with current reservations and violations",
    Access.SESSION,
    at_kiosk=True,
)
async def current_reader(call: ApiRequest) -> CurrentReaderOut:
    assert call.principal is not None
    reader = call.principal.reader
    if reader is None:
        return CurrentReaderOut(None, [], 0, None, None, {}, [], False)
    active = await call[ReservationService].live_now(reader.id, call.now)
    window = await call[ViolationService].violation_count(reader.id, call.now)
    until = reader.suspended_until
    return CurrentReaderOut(
        reader=presenter.reader(reader),
        active=[
            await reservation(call[REFERENCE], r, call.now)
            for r in active
            if r.state in BOOKING_STATES
        ],
        violations_count=window.count,
        suspended_until=call.zone.local(until) if until and until > call.now else None,
        suspension=suspension(call.zone, reader, call.now),
        subscriptions=_by_name(await call[MessageService].remaining_consents(reader.id)),
        long_term=_long_term(call),
        reminders_paused=bool(active)
        and await call[ChannelRouting].misses_reminders(reader.id, call.now),
        language=reader.language if reader.language_chosen else None,
    )


@routes.post("/me/language", "Choose the language of the reader's messages and mails")
async def choose_language(call: ApiRequest, body: ChosenLanguage) -> None:
    if body.language not in LANGUAGES:
        raise Malformed("language", f"one of {', '.join(LANGUAGES)}")
    await call[ReaderLanguages].choose(call.reader.id, body.language)


@routes.post(
    "/subscriptions",
    "Report the reader's answers to wx.requestSubscribeMessage",
    errors=(UnknownTemplate,),
)
async def report_consents(call: ApiRequest, body: Subscribe) -> SubscriptionsOut:
    """Stores the WeChat consents that the reader has just given: one accepted message for each
    ordinary template, a standing consent for a long-term one. Returns how many messages of each
    template may still be sent."""
    for name in body.results:
        if name not in WECHAT_TEMPLATES:
            raise UnknownTemplate(template=name)
    accepted = [
        Template(name)
        for name, result in body.results.items()
        if result in ("accept", "acceptWithAudio")
    ]
    messages, reader_id = call[MessageService], call.reader.id
    await messages.add_consents(reader_id, accepted)
    on_consent_reported = call.request.app.get(ON_CONSENT_REPORTED)
    openid = call.principal.session.openid if call.principal is not None else None
    if on_consent_reported is not None and openid:
        await on_consent_reported(openid, body.results)
    left = _by_name(await messages.remaining_consents(reader_id))
    return SubscriptionsOut(left, _long_term(call))


def _long_term(call: ApiRequest) -> list[str]:
    return sorted(template.value for template in call[MessageService].long_term)


def _by_name(consents: Mapping[Template, int]) -> dict[str, int]:
    return {template.value: left for template, left in consents.items()}


@routes.delete("/sessions/current", "End this session", Access.SESSION, at_kiosk=True)
async def log_out(call: ApiRequest) -> web.Response:
    assert call.principal is not None
    await call[SESSIONS].close(call.principal.session)
    response = web.Response(status=204)
    if call.principal.session.kind is SessionKind.WEB:
        forget_session_cookie(call.request, response)
    return response
