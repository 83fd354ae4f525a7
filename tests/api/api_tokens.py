"""Programs with an API token."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

from models.identity.api_tokens import Scope
from models.identity.roles import Role
from models.staff.api_tokens import Pace, StaffApiTokens
from models.staff.audit_log import AuditLog, StaffContext
from tests.builders import ZONE
from tests.living import Client, Living

PURPOSE: Final = "一层大厅屏幕"


async def program(service: Living, *scopes: Scope, per_minute: int = 6000) -> Client:
    """A client with an API token of these scopes."""
    maker, stored = await service.web_reader(role=Role.ADMINISTRATOR), service.inside.stored
    reader = await stored.readers.get(maker.reader_id)
    assert reader is not None
    sessions = service.sessions
    tokens = StaffApiTokens(
        AuditLog(stored.audit_log),
        stored.api_tokens,
        sessions.new_api_token,
        sessions.end_api_token,
    )
    ctx = StaffContext(reader, Role.ADMINISTRATOR, service.clock.now(), ZONE)
    client = service.stranger()
    made = await tokens.create(ctx, uuid4().hex, PURPOSE, scopes, Pace(30, per_minute))
    client.token = made.secret
    return client
