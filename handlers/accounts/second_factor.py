"""动态口令: the page where staff set up their second factor and enter its codes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from aiohttp import web

from bind.second_factors import Enrolment, SecondFactorInvalid, SecondFactors
from handlers.http.authentication import require_role
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE, SITE
from handlers.http.pages import PageRequest, form_text, redirect, to_sign_in
from handlers.http.qr import svg
from handlers.http.rendering import render_page
from handlers.http.return_to import is_own_path
from handlers.texts.errors import text_of
from models.identity.errors import SecondFactorRequired, SignInAgain
from models.identity.roles import Role
from models.kernel.errors import NotFound, TooManyAttempts

_AFTERWARDS = "/console"


async def second_factor(visit: PageRequest) -> web.StreamResponse:
    try:
        await _require_staff(visit)
    except SignInAgain:
        return to_sign_in(visit.request, renew=True)
    left = await visit[SecondFactors].recovery_codes_left(visit.reader)
    if left is None or (_has_given(visit) and visit.request.query.get("anew") == "1"):
        return _page(visit, "offered", **_enrolment_fields(_offer(visit)), anew=left is not None)
    return _page(visit, "given" if _has_given(visit) else "asked", left=left)


async def give_second_factor(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Accepts a code of the authenticator or a recovery code for this session. With the form
    field ``held`` (a new secret), the code completes the set-up of the authenticator."""
    await _require_staff(visit)
    code, held = form_text(form, "code"), form_text(form, "held")
    if held:
        return await _enrol(visit, form, held, code)
    session = visit.principal.session
    try:
        await visit[SecondFactors].confirm(visit.reader, session, code, visit.now)
    except (SecondFactorInvalid, TooManyAttempts) as error:
        left = await visit[SecondFactors].recovery_codes_left(visit.reader)
        if left is None:  # an administrator has reset it meanwhile
            return redirect("/second-factor")
        return _refused(visit, error, "asked", left=left, next=_next(form_text(form, "next")))
    return redirect(_next(form_text(form, "next")))


async def _enrol(visit: PageRequest, form: Form, held: str, code: str) -> web.StreamResponse:
    factors, session = visit[SecondFactors], visit.principal.session
    left = await factors.recovery_codes_left(visit.reader)
    next, anew = _next(form_text(form, "next")), left is not None and _has_given(visit)
    try:
        enrolment = factors.offered(
            visit.reader, visit[REFERENCE].profile.short_name, held, visit.now
        )
    except SecondFactorInvalid as error:
        offer = _offer(visit)
        return _refused(visit, error, "offered", **_enrolment_fields(offer), next=next, anew=anew)
    try:
        codes = await factors.enrol(
            visit.reader,
            session,
            enrolment.secret,
            code,
            visit.now,
            present=form_text(form, "present"),
        )
    except (SecondFactorInvalid, TooManyAttempts) as error:
        return _refused(
            visit, error, "offered", **_enrolment_fields(enrolment), next=next, anew=anew
        )
    return _page(visit, "codes", codes=codes, next=next)


async def _require_staff(visit: PageRequest) -> None:
    """Checks that the reader may use the page. Raises: NotFound if the service has no second
    factor; Forbidden without a staff role; SignInAgain if the staff member was idle too long."""
    if not visit[SITE].staff_totp:
        raise NotFound()
    with suppress(SecondFactorRequired):  # this page accepts it
        await require_role(visit.request, visit.principal, Role.VIEWER, visit.now)


def _has_given(visit: PageRequest) -> bool:
    role = visit.principal.session.role
    return role is not None and role.second_factor


def _offer(visit: PageRequest) -> Enrolment:
    issuer = visit[REFERENCE].profile.short_name
    return visit[SecondFactors].offer(visit.reader, issuer, visit.now)


def _enrolment_fields(enrolment: Enrolment) -> dict[str, Any]:
    secret = enrolment.secret
    groups: Sequence[str] = [secret[at : at + 4] for at in range(0, len(secret), 4)]
    return {
        "qr": svg(enrolment.uri),
        "uri": enrolment.uri,
        "secret": " ".join(groups),
        "held": enrolment.held,
    }


def _refused(
    visit: PageRequest, error: SecondFactorInvalid | TooManyAttempts, state: str, **facts: Any
) -> web.Response:
    status = 429 if isinstance(error, TooManyAttempts) else 422
    details = dict(error.details)
    if isinstance(error, TooManyAttempts):
        details["retry_after"] = error.retry_after
    return _page(visit, state, status, wrong=text_of(error.code, details), **facts)


def _page(visit: PageRequest, state: str, status: int = 200, **facts: Any) -> web.Response:
    context: dict[str, Any] = {
        "wrong": "",
        "anew": False,
        "next": _next(visit.request.query.get("next", "")),
    } | facts
    return render_page(
        visit.request,
        "accounts/second_factor.html",
        status=status,
        reader=visit.reader,
        state=state,
        **context,
    )


def _next(path: str) -> str:
    return path if is_own_path(path) else _AFTERWARDS
