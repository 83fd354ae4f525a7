"""激活码 and 我的: account binding, the reader's consents to messages, language, signing out."""

from __future__ import annotations

from aiohttp import web

from bind.account_binding import AccountBindingService, link
from bind.reader_languages import ReaderLanguages
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE, SITE, service_key
from handlers.http.language import keep_language, language_of
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.http.qr import svg
from handlers.http.rendering import render_page
from handlers.http.theme import keep_theme
from handlers.messages import presenter as messages_presenter
from languages.catalogue import LANGUAGES
from models.library.entities import KioskId, SeatId
from models.messages.service import MessageService
from models.proof.entities import ProofStanding
from models.readers.entities import Reader
from models.seasons.service import SeasonService
from models.violations.service import ViolationService
from notify.templates import TITLES
from notify.wechat.mini_program_codes import MiniProgramCodes


async def activation(visit: PageRequest) -> web.StreamResponse:
    """Shows the activation code, which a reload does not change. Asks the reader to confirm a
    binding that is not confirmed yet; for a bound account, shows a button that ends the binding."""
    binding, reader = visit[AccountBindingService], visit.reader
    bound = await binding.is_bound(reader.id)
    code = None if bound else await binding.get_or_create_code(reader.id, False, visit.now)
    return render_page(
        visit.request,
        "accounts/activation.html",
        reader=reader,
        bound=bound,
        code=code,
        qr=svg(link(visit[SITE].public_base_url, code.secret)) if code else "",
        done=visit.request.query.get("done", ""),
    )


async def activation_state(visit: PageRequest) -> web.StreamResponse:
    """The state that the activation page polls: whether the account is bound, and the id of an
    open binding request. The page reloads when either changes."""
    binding, reader_id = visit[AccountBindingService], visit.reader.id
    bound = await binding.is_bound(reader_id)
    request = None if bound else await binding.request_for(reader_id, visit.now)
    return web.json_response(
        {"bound": bound, "request": request.id if request else ""},
        headers={"Cache-Control": "no-store"},
    )


async def confirm_binding(visit: PageRequest, _: Form) -> web.StreamResponse:
    await visit[AccountBindingService].confirm(visit.reader.id, visit.id, visit.now)
    return redirect("/activation")


async def refuse_binding(visit: PageRequest, _: Form) -> web.StreamResponse:
    await visit[AccountBindingService].refuse(visit.reader.id, visit.id, visit.now)
    return redirect("/activation?done=refused")


async def binding_link(request: web.Request) -> web.StreamResponse:
    """The page that an activation code's link opens if the code is scanned with another camera
    than the mini-program's. The page reveals nothing of the code."""
    return render_page(request, "accounts/bind.html")


async def new_activation(visit: PageRequest, _: Form) -> web.StreamResponse:
    await visit[AccountBindingService].get_or_create_code(visit.reader.id, True, visit.now)
    return redirect("/activation")


async def unbind(visit: PageRequest, _: Form) -> web.StreamResponse:
    await visit[AccountBindingService].unbind(visit.reader.id, visit.principal.session)
    return redirect("/activation")


async def mini_program_code(request: web.Request) -> web.StreamResponse:
    """A public QR code that opens the mini-program. The URL says where: at the activation page
    (``web``) or at the kiosk with this id."""
    place = request.match_info["place"]
    if place != "web" and KioskId(place) not in request.app[REFERENCE].catalog.kiosks:
        raise web.HTTPNotFound
    scene = "web" if place == "web" else f"k={place}"
    picture = await request.app[service_key(MiniProgramCodes)].image(scene)
    return web.Response(
        body=picture,
        content_type="image/png" if picture.startswith(b"\x89PNG") else "image/jpeg",
        headers={"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"},
    )


async def me(visit: PageRequest) -> web.StreamResponse:
    reader = visit.reader
    consents = await visit[MessageService].remaining_consents(reader.id)
    seasons = await visit[SeasonService].has_any()
    return render_page(
        visit.request,
        "accounts/me.html",
        reader=reader,
        bound=await visit[AccountBindingService].is_bound(reader.id),
        choice_pages=messages_presenter.choice_pages(visit[SITE].channels),
        consents=[
            (TITLES[template], left, template in visit[MessageService].long_term)
            for template, left in consents.items()
        ],
        version=visit[ProofStanding].version,
        violation_count=await visit[ViolationService].violation_count(reader.id, visit.now),
        suspension=visit.suspension,
        seasons=seasons,
        held=await _held(visit) if seasons else [],
        languages=LANGUAGES.values(),
        language=reader.language or language_of(visit.request).tag,
    )


async def _held(visit: PageRequest) -> list[str]:
    """The labels of the seats and lockers of seasons that the reader has."""
    label_of = visit[REFERENCE].catalog.label_of  # which leaves a locker's number as it is
    say = language_of(visit.request).say
    applications = await visit[SeasonService].applications_of(visit.reader.id)
    return [say(label_of(SeatId(one.thing))) for one in applications if one.thing is not None]


async def mark_messages_read(visit: PageRequest, _: Form) -> web.StreamResponse:
    await visit[MessageService].mark_all_read(visit.reader.id)
    return redirect("/notices")


async def choose_language(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Stores the language of the reader's messages and mails, also for this browser's pages."""
    language, answer = form_text(form, "language"), redirect("/me")
    if language in LANGUAGES:
        await visit[ReaderLanguages].choose(visit.reader.id, language)
        keep_language(visit.request, answer, language)
    return answer


async def choose_theme(visit: PageRequest, form: Form) -> web.StreamResponse:
    answer = redirect("/me")
    keep_theme(visit.request, answer, form_text(form, "theme"))
    return answer


async def privacy(request: web.Request, reader: Reader | None) -> web.Response:
    """个人信息说明: which personal data is stored, why, for how long, and who sees it."""
    return render_page(
        request,
        "accounts/privacy.html",
        reader=reader,
        keeping=request.app[SITE].keeping,
    )


async def sign_out(visit: PageRequest) -> web.StreamResponse:
    return render_page(visit.request, "accounts/sign_out.html", reader=visit.reader)
