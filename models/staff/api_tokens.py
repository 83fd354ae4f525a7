from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from models.identity.api_token_repository import ApiTokenRepository
from models.identity.api_tokens import ApiToken, Scope
from models.identity.roles import Role
from models.kernel.errors import Conflict, NotFound
from models.kernel.zone import Zone
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, StaffContext
from models.storage.encryption import id_from

LIFETIMES_DAYS: Final = (30, 90, 180, 365)
"""The lifetimes, in days, that a token can have; all limited, so that forgotten tokens expire."""
FEWEST_PER_MINUTE: Final = 6
MOST_PER_MINUTE: Final = 6000
USUAL_PER_MINUTE: Final = 600
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """A new token's validity (`days`: full days after today) and rate (`per_minute`: requests)."""

    days: int
    per_minute: int


@dataclass(frozen=True, slots=True)
class NewApiToken:
    """A new token with its secret, which is shown once."""

    token: ApiToken
    secret: str


class StaffApiTokens:
    def __init__(
        self,
        audit: AuditLog,
        tokens: ApiTokenRepository,
        new_secret: Callable[[], str],
        end: Callable[[str], Awaitable[None]],
    ) -> None:
        """``end`` drops a token, given by its hash, from the caches of all workers."""
        self._audit, self._tokens = audit, tokens
        self._new_secret, self._end = new_secret, end

    async def all(self) -> Sequence[ApiToken]:
        """All tokens, newest first, including expired ones."""
        return await self._tokens.all()

    async def create(
        self, ctx: StaffContext, form: str, name: str, scopes: Collection[Scope], pace: Pace
    ) -> NewApiToken:
        """Creates a token with a name, scopes, validity and rate. The id is made from ``form``,
        so one form creates one token. Raises: OtherVenue; Conflict if the form was sent before."""
        ctx.require(None, Role.ADMINISTRATOR)
        secret = self._new_secret()
        made = ApiToken(
            id=id_from(form),
            name=name,
            scopes=frozenset(scopes),
            per_minute=pace.per_minute,
            created_by=ctx.reader.id,
            created_at=ctx.now,
            expires_at=ctx.zone.midnight(ctx.zone.day(ctx.now) + (pace.days + 1) * _DAY),
        )
        async with self._audit.entry(
            ctx, AuditAction.CREATE_API_TOKEN, target=f"api_token:{made.id}"
        ) as entry:
            if not await self._tokens.insert(secret, made):
                raise Conflict()
            entry.after = _facts(ctx.zone, made)
        return NewApiToken(made, secret)

    async def revoke(self, ctx: StaffContext, id: str, reason: str) -> None:
        """Revokes the token, immediately in all workers. Raises: OtherVenue; NotFound."""
        ctx.require(None, Role.ADMINISTRATOR)
        token = next((token for token in await self._tokens.all() if token.id == id), None)
        if token is None:
            raise NotFound()
        async with self._audit.entry(
            ctx,
            AuditAction.REVOKE_API_TOKEN,
            target=f"api_token:{id}",
            reason=reason,
            before=_facts(ctx.zone, token),
        ):
            ended = await self._tokens.revoke(id, ctx.now)
            if ended is None:
                raise NotFound()
            await self._end(ended)


def _facts(zone: Zone, token: ApiToken) -> JsonObject:
    return {
        "name": token.name,
        **{scope.value: True for scope in sorted(token.scopes)},
        "per_minute": token.per_minute,
        "last": token.last_day(zone).isoformat(),
    }
