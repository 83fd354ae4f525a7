"""Operations of the API: kiosks."""

from __future__ import annotations

from typing import Final

from handlers.http.endpoint import AT_KIOSK, Access, get, post
from handlers.kiosks import api, pairing
from models.check_in.errors import CheckedInElsewhere, PresenceMethodOff, WrongVenue
from models.kernel.errors import NotFound, TooManyAttempts
from models.readers.errors import CardUnknown
from models.reservations.errors import OWN_RESERVATION, TooEarly, TooLate

ROUTES: Final = (
    post(
        "/kiosk-pairings",
        pairing.ask_for_pairing,
        "A screen without a key gets a code, by which an administrator makes it a kiosk's",
        Access.ANYONE,
        status=201,
    ),
    post(
        "/kiosk-pairings/state",
        pairing.pairing_state,
        "Whether the screen with this secret is a kiosk's by now, and which one's",
        Access.ANYONE,
        errors=(NotFound,),
    ),
    post(
        "/kiosks/{id}/touch",
        api.card_login,
        "A card at a seat kiosk signs its reader in for a moment",
        Access.KIOSK,
        status=201,
        errors=(NotFound, CardUnknown, TooManyAttempts),
    ),
    post(
        "/kiosks/{id}/check-in",
        api.check_in,
        "Check in or return at the kiosk that the reader touched with a card",
        idempotent=True,
        errors=(
            *OWN_RESERVATION,
            TooEarly,
            TooLate,
            WrongVenue,
            CheckedInElsewhere,
            PresenceMethodOff,
        ),
        sessions=AT_KIOSK,
    ),
    get(
        "/kiosks/{id}/code",
        api.current_code,
        "The code that the kiosk shows now",
        Access.KIOSK,
        errors=(NotFound,),
    ),
)
