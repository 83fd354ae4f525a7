from __future__ import annotations

from handlers.accounts import schemas
from handlers.texts.labels import SESSION_TEXT
from models.identity.activation_code_repository import BindingRequest
from models.identity.entities import Session
from models.kernel.zone import Zone
from models.readers.entities import Reader


def reader(r: Reader) -> schemas.ReaderOut:
    return schemas.ReaderOut(r.student_no_masked, r.name, r.category)


def binding_request(zone: Zone, r: BindingRequest) -> schemas.BindingRequestOut:
    return schemas.BindingRequestOut(
        r.id, r.match_number, zone.local(r.at), zone.local(r.expires_at)
    )


def session_name(session: Session) -> str:
    """The device name if known, otherwise a text for the session's kind."""
    return session.device or SESSION_TEXT[session.kind]
