from __future__ import annotations

from datetime import datetime
from typing import cast

from bind.session_service import SessionService
from handlers.accounts.presenter import session_name
from handlers.accounts.schemas import ReadersSession, SessionOut, SessionsOut
from handlers.http.api_routes import ApiRoutes
from handlers.http.authentication import bound_reader
from handlers.http.endpoint import ApiRequest
from handlers.http.keys import SESSIONS
from models.identity.entities import Principal
from models.kernel.errors import NotFound

routes = ApiRoutes()


@routes.get("/sessions", "List the reader's sessions")
async def list_sessions(call: ApiRequest) -> SessionsOut:
    assert call.principal is not None
    own = call.principal.session.id
    return SessionsOut(
        [
            SessionOut(
                s.public_id,
                cast(ReadersSession, s.kind.value),
                session_name(s),
                call.zone.local(s.opened_at),
                call.zone.local(s.expires_at),
                s.id == own,
            )
            for s in await call[SESSIONS].live_of(call.reader.id, call.now)
        ]
    )


@routes.delete("/sessions/{id}", "End one of the reader's sessions", errors=(NotFound,))
async def end_one(call: ApiRequest) -> None:
    assert call.principal is not None
    await end_session(call[SESSIONS], call.principal, call.id, call.now)


@routes.delete("/sessions", "End all other sessions of the reader")
async def end_others(call: ApiRequest) -> None:
    assert call.principal is not None
    await end_sessions(call[SESSIONS], call.principal, call.now)


async def end_session(
    sessions: SessionService, principal: Principal, public_id: str, now: datetime
) -> None:
    """Ends the reader's session ``public_id``. Raises: NotFound."""
    live = await sessions.live_of(bound_reader(principal).id, now)
    sessions_to_end = [session for session in live if session.public_id == public_id]
    if not sessions_to_end:
        raise NotFound()
    await sessions.close(*sessions_to_end)


async def end_sessions(sessions: SessionService, principal: Principal, now: datetime) -> None:
    """Ends all sessions of the reader but the current one."""
    live = await sessions.live_of(bound_reader(principal).id, now)
    await sessions.close(*[s for s in live if s.id != principal.session.id])
