from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Final

from models.identity.roles import Role
from models.kernel.errors import NotFound
from models.kernel.ids import ReaderId
from models.reader_groups.entities import GroupId
from models.reader_groups.membership_repository import MembershipRepository
from models.readers.entities import Reader
from models.readers.repository import ReaderRepository
from models.reference_data import ReferenceData
from models.seasons.calculation import SECRET_BYTES, assignment, commitment, in_order, seed
from models.seasons.entities import (
    Application,
    RankedEntry,
    Season,
    SeasonId,
    SeasonPlan,
    SeasonStage,
    SeasonState,
    Started,
    Step,
    Which,
)
from models.seasons.errors import SeasonChanged, SecondPersonNeeded
from models.seasons.outcome import SeasonOutcome, on_trial, outcome
from models.seasons.repository import SeasonRepository
from models.seasons.rules import (
    check_draw,
    check_freeze,
    check_plan,
    published_rule,
    stage,
    weight_of,
)
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, StaffContext

_ID_DIGITS: Final = 24
_TRIALS: Final = 5
_OVER: Final = frozenset({SeasonStage.DRAWN, SeasonStage.ABORTED, SeasonStage.VOID})


class StaffSeasons:
    """Announces seasons, freezes their lists and draws. Whoever starts freezing or the draw cannot
    confirm it."""

    def __init__(
        self,
        audit: AuditLog,
        seasons: SeasonRepository,
        readers: ReaderRepository,
        memberships: MembershipRepository,
        reference: ReferenceData,
    ) -> None:
        self._audit, self._seasons = audit, seasons
        self._readers, self._memberships = readers, memberships
        self._reference = reference

    async def announce(self, ctx: StaffContext, plan: SeasonPlan, key: str) -> Season:
        """Announces the season with its rule and the commitment to a new secret. The same ``key``
        again returns the season that was announced with it. Raises: Malformed, OtherVenue,
        SeasonOverlaps, Unavailable."""
        ctx.require(None, Role.ADMINISTRATOR)
        check_plan(plan, ctx.now)
        secret = secrets.token_hex(SECRET_BYTES)
        committed = commitment(secret)
        groups = {id: self._reference.groups.by_id[id].name for id in plan.weights}
        rule = published_rule(plan, groups, committed, ctx.zone)
        id = SeasonId(sha256(f"season\n{key}".encode()).hexdigest()[:_ID_DIGITS])
        season = Season(id, plan, rule, committed, secret)
        async with self._audit.entry(
            ctx, AuditAction.ANNOUNCE_SEASON, target=f"season:{season.id}"
        ) as entry:
            season = await self._seasons.add(season, ctx.now)
            entry.after = {"title": plan.title, "gives": len(plan.given), "rule": season.rule_hash}
        await self._reference.refresh()  # from now on its seats are refused on its days
        return season

    async def members(self, plan: SeasonPlan) -> dict[GroupId, int]:
        """The number of readers in each group with a weight of its own. Raises: Unavailable."""
        return {id: await self._memberships.count_in(id) for id in plan.weights}

    async def outcome(self, season: Season, now: datetime) -> SeasonOutcome | None:
        """How many applicants get which wish: by the draw, or before it as the mean of draws on
        trial with the applications and weights of now. None without applications. Raises:
        Unavailable."""
        plan = season.plan
        if season.state is SeasonState.DRAWN:
            ranked = await self._seasons.entries(season.id)
            entries = [one.entry for one in ranked]
            return outcome(entries, [one.thing for one in ranked], plan.most_wishes)
        applications = await self._seasons.applications_in(season.id)
        if season.list is None:
            weights = await self._weights(plan, [one.reader_id for one in applications], now)
            applications = [
                replace(one, weight=weights.get(one.reader_id, 0)) for one in applications
            ]
        entries = [one.entry for one in applications if one.weight]
        if not entries or season.state is SeasonState.ABORTED:
            return None
        seeds = [secrets.token_hex(SECRET_BYTES) for _ in range(_TRIALS)]
        return on_trial(plan.ids, entries, plan.most_wishes, seeds)

    async def _weights(
        self, plan: SeasonPlan, ids: Sequence[ReaderId], now: datetime
    ) -> dict[ReaderId, int]:
        day = self._reference.zone.day(now)
        return {
            reader.id: weight_of(plan, self._reference.groups_of(reader, day))
            for reader in (await self._readers.many({*ids})).values()
        }

    async def start_freeze(self, ctx: StaffContext, id: str) -> None:
        """Starts freezing. Raises: NotFound, OtherVenue, SeasonStepNotNow, SeasonChanged."""
        season = await self.in_state(ctx, id, SeasonState.OPEN)
        check_freeze(season, ctx.now)
        await self._start(ctx, season, Started(Step.FREEZE, ctx.reader.id, ctx.now))

    async def confirm_freeze(self, ctx: StaffContext, id: str) -> None:
        """Freezes the list that another staff member has started to freeze. Raises: as
        ``start_freeze``, SecondPersonNeeded."""
        season = await self.in_state(ctx, id, SeasonState.OPEN)
        self._check_second(ctx, season, Step.FREEZE)
        check_freeze(season, ctx.now)

        async def weigh(ids: Sequence[ReaderId]) -> dict[ReaderId, int]:
            return await self._weights(season.plan, ids, ctx.now)

        await self._change(
            ctx,
            AuditAction.FREEZE_SEASON,
            season,
            lambda: self._seasons.freeze(season, ctx.reader.id, weigh, ctx.now),
        )

    async def start_draw(self, ctx: StaffContext, id: str, which: Which, value: str) -> None:
        """Starts the draw with a value of the source. Raises: NotFound, OtherVenue, Malformed,
        SeasonStepNotNow, SeasonChanged."""
        season = await self.in_state(ctx, id, SeasonState.FROZEN)
        check_draw(season, which, value, ctx.now)
        await self._start(ctx, season, Started(Step.DRAW, ctx.reader.id, ctx.now, which, value))

    async def confirm_draw(self, ctx: StaffContext, id: str, which: Which, value: str) -> None:
        """Draws with the value with which another staff member has started the draw, and publishes
        the secret. Raises: as ``start_draw``, SecondPersonNeeded; SeasonChanged if the draw was
        started with another value."""
        season = await self.in_state(ctx, id, SeasonState.FROZEN)
        started = self._check_second(ctx, season, Step.DRAW)
        if (started.which, started.value) != (which, value):
            raise SeasonChanged()
        check_draw(season, which, value, ctx.now)
        ranked = await self._ranked(season, started)
        await self._change(
            ctx,
            AuditAction.DRAW_SEASON,
            season,
            lambda: self._seasons.draw(season, ctx.reader.id, ranked, ctx.now),
        )

    async def abort(self, ctx: StaffContext, id: str, reason: str) -> None:
        """Aborts the season before its draw; everybody sees the reason. Raises: NotFound,
        OtherVenue, SeasonChanged."""
        ctx.require(None, Role.ADMINISTRATOR)
        season = await self._get(id)
        if stage(season, ctx.now) in _OVER:
            raise SeasonChanged()
        await self._change(
            ctx,
            AuditAction.ABORT_SEASON,
            season,
            lambda: self._seasons.abort(season, reason, ctx.now),
            reason,
        )

    async def result(
        self, ctx: StaffContext, id: str
    ) -> tuple[Season, list[tuple[Application, Reader | None]]]:
        """The applications of a drawn season by rank, each with its reader, which the audit log
        records. Raises: NotFound, OtherVenue, SeasonChanged, Unavailable."""
        season = await self.in_state(ctx, id, SeasonState.DRAWN)
        await self._audit.record_look(ctx, AuditAction.EXPORTED, target=f"season:{season.id}")
        applications = await self._seasons.applications_in(season.id)
        ranked = [one for one in applications if one.rank is not None]
        readers = await self._readers.many({one.reader_id for one in ranked})
        return season, [(one, readers.get(one.reader_id)) for one in ranked]

    async def _get(self, id: str) -> Season:
        season = await self._seasons.get(id)
        if season is None:
            raise NotFound()
        return season

    async def in_state(self, ctx: StaffContext, id: str, state: SeasonState) -> Season:
        """The season, which is in this state. Raises: NotFound, OtherVenue; SeasonChanged if it is
        in another one."""
        ctx.require(None, Role.ADMINISTRATOR)
        season = await self._get(id)
        if season.state is not state or stage(season, ctx.now) is SeasonStage.VOID:
            raise SeasonChanged()
        return season

    def _check_second(self, ctx: StaffContext, season: Season, step: Step) -> Started:
        started = season.started
        if started is None or started.step is not step:
            raise SeasonChanged()
        if started.by == ctx.reader.id:
            raise SecondPersonNeeded()
        return started

    async def _ranked(self, season: Season, started: Started) -> list[RankedEntry]:
        assert season.list is not None
        source = season.plan.sources[started.which].text
        drawn = seed(season.list.root, season.secret, source, started.value)
        entries = in_order(drawn, [one.entry for one in await self._seasons.entries(season.id)])
        things = assignment(season.plan.ids, [entry.wishes for entry in entries])
        return [
            RankedEntry(entry, rank, thing)
            for rank, (entry, thing) in enumerate(zip(entries, things, strict=True), start=1)
        ]

    async def _start(self, ctx: StaffContext, season: Season, started: Started) -> None:
        action = {
            Step.FREEZE: AuditAction.START_FREEZE_SEASON,
            Step.DRAW: AuditAction.START_DRAW_SEASON,
        }[started.step]
        await self._change(ctx, action, season, lambda: self._seasons.start(season, started))

    async def _change(
        self,
        ctx: StaffContext,
        action: AuditAction,
        season: Season,
        change: Callable[[], Awaitable[bool]],
        reason: str = "",
    ) -> None:
        """Makes the change with an audit entry. Raises: SeasonChanged if it was not possible."""
        async with self._audit.entry(
            ctx,
            action,
            target=f"season:{season.id}",
            reason=reason,
            before=_snapshot(season),
        ) as entry:
            if not await change():
                raise SeasonChanged()
            entry.after = _snapshot(await self._get(season.id))


def _snapshot(season: Season) -> JsonObject:
    snapshot: dict[str, object] = {"title": season.plan.title, "state": season.state.value}
    if season.started is not None:
        snapshot |= {"step": season.started.step.value, "value": season.started.value}
    if season.list is not None:
        snapshot |= {"root": season.list.root, "count": season.list.count}
    if season.draw is not None:
        snapshot |= {"which": season.draw.which.value, "value": season.draw.value}
    return snapshot
