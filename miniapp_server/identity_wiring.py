"""Wiring of sign-ons, account binding and the codes that prove presence."""

from __future__ import annotations

from aiohttp import web

from bind.account_binding import AccountBindingService
from bind.campus_attributes import CampusAttributes
from bind.held_sign_ins import HeldSignIns
from bind.kiosk_codes import KioskCodeService
from bind.login_service import LoginService
from bind.reader_languages import ReaderLanguages
from bind.redeemable_codes import RedeemableCodes
from bind.scan_notes import ScanNotes
from bind.scanned_codes import ScannedCodes
from bind.seat_labels import SeatLabels
from bind.sign_ons import SignOns
from bind.wechat_logins import WeChatLogins
from handlers.accounts.keys import CAMPUS_APP
from handlers.http.keys import ATTEMPT_LIMITER, REFERENCE, SESSIONS, service_key
from miniapp_server.resources import Resources
from models.email_addresses.service import EmailAddressService
from models.kiosks.pairing import KioskPairing
from models.staff.audit_log import AuditLog
from models.staff.review_access import ReviewAccess


def wire_identity(
    app: web.Application, resources: Resources, addresses: EmailAddressService | None
) -> None:
    """Wires sign-ons, account binding and presence codes. It must be called after sessions and
    features are wired. ``addresses``: None if the library sends no mail."""
    settings, r = resources.settings, resources.repositories
    app[service_key(SignOns)], app[CAMPUS_APP] = resources.sign_ons, resources.campus_app
    campus = CampusAttributes(r.memberships, app[REFERENCE], app[SESSIONS], addresses)
    languages = app[service_key(ReaderLanguages)] = ReaderLanguages(r.readers, app[SESSIONS])
    app[service_key(LoginService)] = LoginService(
        r.readers, app[SESSIONS], settings.staff, campus, languages, resources.sign_ons.realms
    )
    app[service_key(HeldSignIns)] = HeldSignIns(settings.sealer, r.used_once, campus)
    review = app[service_key(ReviewAccess)] = ReviewAccess(AuditLog(r.audit_log), r.review_codes)
    app[service_key(AccountBindingService)] = AccountBindingService(
        r.activation_codes,
        RedeemableCodes(r.activation_codes, review, app[ATTEMPT_LIMITER]),
        r.bindings,
        r.readers,
        app[SESSIONS],
        r.consents,
    )
    codes = app[service_key(KioskCodeService)] = KioskCodeService(
        r.kiosks, settings.public_base_url
    )
    labels = app[service_key(SeatLabels)] = SeatLabels(settings.sealer, settings.public_base_url)
    notes = app[service_key(ScanNotes)] = ScanNotes(settings.sealer)
    app[service_key(ScannedCodes)] = ScannedCodes(codes, labels, notes, app[ATTEMPT_LIMITER])
    app[service_key(KioskPairing)] = KioskPairing(r.kiosk_pairings, settings.sealer)
    app[service_key(WeChatLogins)] = WeChatLogins(resources.mini_program.exchange_code)
