"""图书馆信息: the library's names, logo, contact and wording."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.language import language_of
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.http.uploads import read_upload
from handlers.http.wording import rules_html, running_line_of
from handlers.staff.forms import require_current
from handlers.staff.layout import render, staff_context
from handlers.staff.sent_forms import error_text, keep_typed, refuse
from handlers.staff.setup_steps import is_under_way
from handlers.texts.setup import PROFILE_FIELDS, WRONG_FIELD
from handlers.texts.wording import (
    PLACEHOLDER_NAMES,
    PLACEHOLDERS,
    RULES_TEXT,
    RUNNING_LINE,
    edited,
    stored,
)
from languages.catalogue import LANGUAGES
from languages.text import Language
from models.identity.roles import Role
from models.kernel.errors import Malformed
from models.profile.entities import LibraryProfile
from models.profile.errors import ProfileChanged, ZoneFixed
from models.profile.logo import LARGEST_LOGO, logo_of
from models.profile.rules import LONGEST, LONGEST_RULES, check_profile, check_zone
from models.profile.staff import StaffProfile
from models.profile.zones import zone_names
from models.staff.audit import AuditAction
from models.storage.confined import TooCostly

LARGEST_FORM: Final = LARGEST_LOGO + 256 * 1024
"""The largest form in bytes: a new logo, all wording, and the logo kept in a refused form."""
_LINES: Final = ("name", "title", "audience", "running_line", "campus_app", "mini_program", "menu")


async def library_profile(visit: PageRequest) -> web.StreamResponse:
    await visit[REFERENCE].refresh()
    return await _page(visit, visit[REFERENCE].profile.logo)


def _typed(profile: LibraryProfile, language: Language) -> dict[str, str]:
    lines = {name: language.say(getattr(profile, name)) for name in _LINES}
    return lines | {
        "running_line": edited(profile.running_line or RUNNING_LINE, language),
        "contact": "\n".join(map(language.say, profile.contact)),
        "rules_text": edited(profile.rules_text or RULES_TEXT, language),
        "language": profile.language if profile.rev else language.tag,
        "zone": profile.zone,
    }


async def _page(
    visit: PageRequest,
    logo: bytes,
    preview: dict[str, Any] | None = None,
    theirs: Sequence[tuple[str, str]] = (),
) -> web.Response:
    reference, language = visit[REFERENCE], language_of(visit.request)
    choosable = not reference.catalog.areas
    picture = base64.b64encode(logo).decode()
    return render(
        visit,
        "library_profile",
        stored=_typed(reference.profile, language),
        preview=preview,
        theirs=theirs,
        base=reference.profile.rev,
        picture=picture,
        picture_kept=picture if logo != reference.profile.logo else "",
        changes=visit.may(Role.ADMINISTRATOR),
        longest=LONGEST,
        longest_rules=LONGEST_RULES,
        largest_logo=LARGEST_LOGO // 1024,
        placeholders=[
            (edited(f"{{{name}}}", language), says) for name, says in PLACEHOLDERS.values()
        ],
        languages=LANGUAGES.values(),
        choosable=choosable,
        # The first call reads the whole tz database.
        zones=zone_names() if choosable else (),
    )


async def change_library_profile(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Stores the profile, or only previews it if the form's ``operation`` is ``preview``. After
    a refusal the form keeps the typed texts and logo."""
    reference = visit[REFERENCE]
    await reference.refresh()
    old, language = reference.profile, language_of(visit.request)
    typed = _typed(old, language)
    typed |= {name: form_text(form, name) for name in typed if name in form}
    logo = old.logo
    try:
        logo = await _logo(visit, form, old.logo)
        new = _read(typed, old, logo, visit.now.year)
        if form_text(form, "operation") == "preview":
            check_profile(new, PLACEHOLDER_NAMES)
            keep_typed(visit, form)
            return await _page(visit, logo, _preview(visit, new))
        require_current(form, old.rev, ProfileChanged)
        await visit[StaffProfile].change(staff_context(visit), old, new, PLACEHOLDER_NAMES)
    except Malformed as error:
        name, wrong = str(error.details["field"]), error_text(visit, error)
        name = PROFILE_FIELDS.get(name, name)
        refuse(visit, form, error, WRONG_FIELD.format(field=name, wrong=wrong))
        return await _page(visit, logo)
    except (ProfileChanged, ZoneFixed) as error:
        await reference.refresh()
        refuse(visit, form, error)
        return await _page(visit, logo, theirs=_theirs(typed, _typed(reference.profile, language)))
    page = "setup" if is_under_way(reference) else "library"
    return redirect(f"/console/{page}?done={AuditAction.CHANGE_PROFILE}")


def _theirs(typed: dict[str, str], stored: dict[str, str]) -> list[tuple[str, str]]:
    """The stored values that differ from those in the form, each with its field's name. The page
    shows them after a colleague's concurrent change."""
    return [
        (PROFILE_FIELDS[name], stored[name])
        for name, text in typed.items()
        if text.splitlines() != stored[name].splitlines()
    ]


async def _logo(visit: PageRequest, form: Form, old: bytes) -> bytes:
    """The logo just uploaded; without one, the logo kept in the form from a refused attempt;
    without both, the stored logo. Empty if the form removes the logo. Raises: Malformed."""
    if form_text(form, "logo_none"):
        return b""
    sent, earlier = form.get("logo"), form_text(form, "logo_kept")
    if not sent and not earlier:
        return old
    try:
        if not isinstance(sent, bytes) or not sent:
            sent = base64.b64decode(earlier, validate=True)
        return await read_upload(visit.request, logo_of, sent)
    except TooCostly as error:
        raise Malformed("logo", "picture_too_costly") from error
    except binascii.Error as error:
        raise Malformed("logo", "logo_unreadable") from error


def _read(typed: dict[str, str], old: LibraryProfile, logo: bytes, year: int) -> LibraryProfile:
    """The profile that the form describes. ``year``: the year for the check of the time zone.
    Raises: Malformed for a time zone that the service cannot use."""
    rules = typed["rules_text"].replace("\r\n", "\n")
    contact = (line.strip() for line in typed["contact"].splitlines())
    lines: dict[str, Any] = {name: typed[name] for name in _LINES}
    lines["running_line"] = stored(typed["running_line"], RUNNING_LINE)
    zone, minutes = typed["zone"], old.zone_minutes
    if zone != old.zone:
        minutes = check_zone(zone, year)
    return replace(
        old,
        **lines,
        contact=tuple(line for line in contact if line),
        rules_text=stored(rules, RULES_TEXT),
        language=typed["language"],
        zone=zone,
        zone_minutes=minutes,
        logo=logo,
    )


def _preview(visit: PageRequest, new: LibraryProfile) -> dict[str, Any]:
    reference, today = visit[REFERENCE], visit.zone.day(visit.now)
    return {
        "title": new.title,
        "contact": new.contact,
        "running_line": running_line_of(reference, today, new.running_line),
        "rules": rules_html(reference, today, new.rules_text, language=language_of(visit.request)),
    }
