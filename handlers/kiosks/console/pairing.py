"""Pairing a screen with a kiosk: type its code, compare what it says of itself, confirm."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import ATTEMPT_LIMITER, REFERENCE, SITE
from handlers.http.pages import LONGEST_REASON, PageRequest, form_reason, form_text, redirect
from handlers.staff.forms import refusal, typed_in
from handlers.staff.layout import render, staff_context
from handlers.texts.check_words import CHECK_WORD_TEXT
from handlers.texts.console import WRONG_TEXT
from models.identity.roles import Role
from models.kernel.errors import InvalidRequest, NotFound
from models.kiosks.entities import KeyHolder, PairingRequest
from models.kiosks.errors import KioskKeyChanged, PairingCodeUnknown, PairingOver
from models.kiosks.pairing import KioskPairing
from models.kiosks.service import KioskService
from models.kiosks.staff.pairing import StaffPairing
from models.library.entities import Kiosk, KioskId
from models.storage.attempt_limiter import AttemptLimit

_CODE: Final = re.compile(r"[0-9]{6}")
_SPACES: Final = re.compile(r"[\s-]+")
_WRONG_CODES: Final = 20
_WINDOW: Final = timedelta(minutes=10)


async def request_with_code(visit: PageRequest, form: Form) -> PairingRequest:
    """The screen that shows the typed code. Wrong ones are counted by administrator.

    Raises: InvalidRequest, PairingCodeUnknown, TooManyAttempts.
    """
    code = _SPACES.sub("", form_text(form, "code"))
    if not _CODE.fullmatch(code):
        raise InvalidRequest("code", WRONG_TEXT["pairing_code_format"])
    limits = [AttemptLimit(f"pairing:{visit.reader.id}", _WRONG_CODES, _WINDOW)]
    await visit[ATTEMPT_LIMITER].register(limits, visit.now)
    request = await visit[KioskPairing].with_code(code, visit.now)
    await visit[ATTEMPT_LIMITER].refund(limits)
    return request


async def pairing(visit: PageRequest) -> web.StreamResponse:
    """Where the code of a kiosk's screen is typed. Raises: NotFound."""
    return await _page(visit, await _kiosk(visit))


async def look_at_screen(visit: PageRequest, form: Form) -> web.StreamResponse:
    """The screen with the typed code, to be compared and confirmed. Raises: NotFound."""
    kiosk = await _kiosk(visit)
    typed = typed_in(form, ("code", "reason"))
    try:
        screen = await request_with_code(visit, form)
    except (InvalidRequest, PairingCodeUnknown) as error:
        return await _page(visit, kiosk, **refusal(visit, error, typed))
    return await confirmation(visit, kiosk, screen, typed)


async def confirm_pairing(visit: PageRequest, form: Form) -> web.StreamResponse:
    """The screen is the kiosk's from now on. Raises: NotFound."""
    kiosk, pairings = await _kiosk(visit), visit[KioskPairing]
    typed = typed_in(form, ("reason",))
    screen = None
    try:
        screen = await pairings.with_id(form_text(form, "screen"), visit.now)
        holder = (await visit[KioskService].key_holders()).get(kiosk.id, KeyHolder())
        if form_text(form, "base") != str(holder.rev):
            raise KioskKeyChanged()
        await visit[StaffPairing].confirm(
            staff_context(visit), kiosk, screen, holder, form_reason(form)
        )
    except PairingOver as error:
        return await _page(visit, kiosk, **refusal(visit, error, typed))
    except (InvalidRequest, KioskKeyChanged) as error:
        return await _page(visit, kiosk, screen, **refusal(visit, error, typed))
    return redirect(f"/console/devices?paired={kiosk.id}")


async def confirmation(
    visit: PageRequest, kiosk: Kiosk, screen: PairingRequest, typed: dict[str, str]
) -> web.Response:
    """What the screen says of itself, who has the kiosk's key now, and one button."""
    return await _page(visit, kiosk, screen, typed=typed)


async def _page(
    visit: PageRequest, kiosk: Kiosk, screen: PairingRequest | None = None, **more: Any
) -> web.Response:
    holders, seen = await visit[KioskService].key_holders(), await visit[KioskService].last_seen()
    facts: dict[str, Any] = {
        "kiosk": kiosk,
        "venue": visit[REFERENCE].catalog.venues[kiosk.venue_id],
        "screen": screen,
        "check_word": CHECK_WORD_TEXT[screen.check_word] if screen is not None else "",
        "holder": holders.get(kiosk.id, KeyHolder()),
        "seen": seen.get(kiosk.id),
        "base": visit[SITE].public_base_url,
        "longest": LONGEST_REASON,
        "typed": {},
        "wrong": "",
    }
    return render(visit, "pair_kiosk", **facts | more)


async def _kiosk(visit: PageRequest) -> Kiosk:
    """The kiosk of the address. Raises: NotFound, OtherVenue."""
    await visit[REFERENCE].refresh()  # another worker may have added it
    kiosk = visit[REFERENCE].catalog.kiosks.get(KioskId(visit.id))
    if kiosk is None:
        raise NotFound()
    visit.require_in(kiosk.venue_id, Role.ADMINISTRATOR)
    return kiosk
