"""Operations of the API: signing in by WeChat, binding, consent to messages."""

from __future__ import annotations

from typing import Final

from handlers.accounts import api, scan_note, schemas, sessions
from handlers.http.endpoint import BROWSER, PHONE, Access, delete, get, post
from models.check_in.errors import PresenceMethodOff, QrExpired
from models.erasure.errors import ErasureNotNow
from models.identity.errors import (
    ActivationCodeInvalid,
    AlreadyBound,
    BindingRequestOver,
    ReaderBoundElsewhere,
)
from models.kernel.errors import NotFound, TooManyAttempts
from models.kiosks.errors import QrInvalid
from models.messages.errors import UnknownTemplate
from notify.wechat.errors import CodeInvalid, WeChatUnavailable, WeChatUserBlocked

ROUTES: Final = (
    post(
        "/wx/login",
        api.wx_login,
        "Exchange a wx.login code for a token",
        Access.ANYONE,
        signs_in=True,
        errors=(CodeInvalid, WeChatUserBlocked, WeChatUnavailable),
    ),
    post(
        "/scans",
        scan_note.note_scan,
        "Note that a code was scanned now, before logging in or being bound",
        Access.ANYONE,
        errors=(QrInvalid, QrExpired, PresenceMethodOff, NotFound, TooManyAttempts),
    ),
    post(
        "/bindings",
        api.bind,
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
    ),
    post(
        "/bindings/preview",
        api.preview_binding,
        "Whom a scanned activation code would bind",
        Access.SESSION,
        sessions=PHONE,
        errors=(ActivationCodeInvalid, AlreadyBound),
    ),
    get(
        "/binding-requests/current",
        api.binding_state,
        "What has become of the WeChat user's latest binding request",
        Access.SESSION,
        sessions=PHONE,
    ),
    post(
        "/binding-requests/{id}/confirm",
        api.confirm_binding,
        "是我: bind the WeChat user who waits",
        sessions=BROWSER,
        errors=(
            BindingRequestOver,
            AlreadyBound,
            ReaderBoundElsewhere,
        ),
    ),
    post(
        "/binding-requests/{id}/refuse",
        api.refuse_binding,
        "不是我: bind nobody, and end the activation code",
        sessions=BROWSER,
        errors=(BindingRequestOver,),
    ),
    delete("/bindings/current", api.unbind, "Unbind the reader's WeChat user"),
    delete(
        "/me",
        api.erase,
        "Have what is kept of the reader erased",
        sessions=PHONE,
        errors=(ErasureNotNow,),
    ),
    post(
        "/activation-codes",
        api.activation_code,
        "The reader's live activation code, or a new one",
        sessions=BROWSER,
        status=201,
        body_optional=True,
    ),
    get("/me", api.current_reader, "Who I am and what I have", Access.SESSION, at_kiosk=True),
    post(
        "/subscriptions",
        api.report_consents,
        "Report what the reader answered to wx.requestSubscribeMessage",
        errors=(UnknownTemplate,),
    ),
    get("/sessions", sessions.list_sessions, "Where the reader is signed in"),
    delete("/sessions", sessions.end_others, "Sign out everywhere else"),
    delete("/sessions/{id}", sessions.end_one, "Sign out there", errors=(NotFound,)),
    delete("/sessions/current", api.log_out, "Log out", Access.SESSION, at_kiosk=True),
)
