"""Pairing a kiosk's screen: an administrator types the code on it, compares, and confirms."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import ATTEMPT_LIMITER, REFERENCE, SITE
from handlers.http.language import library_language
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.staff.forms import require_current
from handlers.staff.layout import render, staff_context
from handlers.staff.sent_forms import keep_typed, refuse
from handlers.texts.check_words import CHECK_WORD_TEXT
from models.identity.roles import Role
from models.kernel.errors import Malformed, NotFound
from models.kiosks.entities import KeyHolder, PairingRequest
from models.kiosks.errors import KioskKeyChanged, PairingOver
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
    """The pairing request that has the typed code. Wrong codes are limited for each
    administrator. Raises: Malformed, PairingCodeUnknown, TooManyAttempts."""
    code = _SPACES.sub("", form_text(form, "code"))
    if not _CODE.fullmatch(code):
        raise Malformed("code", "pairing_code_format")
    limits = [AttemptLimit(f"pairing:{visit.reader.id}", _WRONG_CODES, _WINDOW)]
    await visit[ATTEMPT_LIMITER].register(limits, visit.now)
    request = await visit[KioskPairing].with_code(code, visit.now)
    await visit[ATTEMPT_LIMITER].refund(limits)
    return request


async def pairing(visit: PageRequest) -> web.StreamResponse:
    """The page on which an administrator types the code shown by a screen. Raises: NotFound."""
    return await _page(visit, await _kiosk(visit))


async def look_at_screen(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Shows details of the screen with the typed code, for comparison. Raises: NotFound."""
    return await confirmation(
        visit, await _kiosk(visit), await request_with_code(visit, form), form
    )


async def confirm_pairing(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Confirms a pairing: the screen with the typed code gets the kiosk's key. Raises: NotFound."""
    kiosk, pairings = await _kiosk(visit), visit[KioskPairing]
    screen = None
    try:
        screen = await pairings.with_id(form_text(form, "screen"), visit.now)
        holder = (await visit[KioskService].key_holders()).get(kiosk.id, KeyHolder())
        require_current(form, holder.rev, KioskKeyChanged)
        await visit[StaffPairing].confirm(
            staff_context(visit), kiosk, screen, holder, form_reason(form)
        )
    except (PairingOver, Malformed, KioskKeyChanged) as error:
        refuse(visit, form, error)
        return await _page(visit, kiosk, None if isinstance(error, PairingOver) else screen)
    return redirect(f"/console/devices?paired={kiosk.id}")


async def confirmation(
    visit: PageRequest, kiosk: Kiosk, screen: PairingRequest, form: Form
) -> web.Response:
    """The page on which an administrator compares the screen's details and confirms the pairing.
    It also shows which screen holds the kiosk's key at present."""
    keep_typed(visit, form)
    return await _page(visit, kiosk, screen)


async def _page(
    visit: PageRequest, kiosk: Kiosk, screen: PairingRequest | None = None
) -> web.Response:
    holders, last_seen = (
        await visit[KioskService].key_holders(),
        await visit[KioskService].last_seen(),
    )
    language = library_language(visit[REFERENCE].profile)  # as on the screen
    return render(
        visit,
        "pair_kiosk",
        kiosk=kiosk,
        venue=visit[REFERENCE].catalog.venues[kiosk.venue_id],
        screen=screen,
        check_word=language.say(CHECK_WORD_TEXT[screen.check_word]) if screen is not None else "",
        holder=holders.get(kiosk.id, KeyHolder()),
        seen=last_seen.get(kiosk.id),
        base=visit[SITE].public_base_url,
    )


async def _kiosk(visit: PageRequest) -> Kiosk:
    """The kiosk that the URL names. Raises: NotFound, OtherVenue."""
    await visit[REFERENCE].refresh()  # another worker may have added it
    kiosk = visit[REFERENCE].catalog.kiosks.get(KioskId(visit.id))
    if kiosk is None:
        raise NotFound()
    visit.require_in(kiosk.venue_id, Role.ADMINISTRATOR)
    return kiosk
