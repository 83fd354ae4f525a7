"""Seasons: an application beside the freeze, two people who freeze or draw at once, and applicants
who are told once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from models.messages.entities import Message
from models.readers.entities import Reader
from models.seasons import repository
from models.seasons.entities import Season, SeasonState, Which
from models.storage.mongo import new_id
from notify.publisher import MessagePublisher
from notify.routing import ChannelRouting
from notify.season_news import SeasonNewsJob
from tests.inside import Inside
from tests.race.season_staff import CLOSES, KNOWN, OPENS, staff
from tests.race.stage import (
    EIGHT,
    Around,
    Stage,
    Step,
    ctx,
    guarded,
    kinds,
    put_around,
    unguard,
)
from tests.seasons import VALUE, administrator, plan


async def announced(stage: Stage, by: Reader) -> Season:
    return await staff(stage.inside).announce(administrator(by, EIGHT), plan(OPENS), "key")


async def stored(stage: Stage, season: Season) -> Season:
    found = await stage.stored.seasons.get(season.id)
    assert found is not None
    return found


async def frozen(stage: Stage, people: list[Reader], applicants: int) -> Season:
    """A season whose list was frozen by the first two people."""
    season = await announced(stage, people[0])
    for n in range(applicants):
        context = ctx(await stage.reader(), OPENS)
        await stage.inside.seasons.apply(context, season.id, [f"L-0{n % 5 + 1}", "any"])
    team = staff(stage.inside)
    await team.start_freeze(administrator(people[0], CLOSES), season.id)
    await team.confirm_freeze(administrator(people[1], CLOSES), season.id)
    return season


async def freeze_beside_wishes(
    stage: Stage, guard: bool, early: Reader, wishes: list[str], late: Reader, beside: list[str]
) -> Season:
    """A season frozen while the application of ``late`` is on its way; ``early`` applied before."""
    head, second = [await stage.reader() for _ in range(2)]
    season, worker = await announced(stage, head), await stage.worker()
    just_before = CLOSES - timedelta(seconds=1)
    await stage.inside.seasons.apply(ctx(early, just_before), season.id, wishes)
    await staff(stage.inside).start_freeze(administrator(head, CLOSES), season.id)

    async def freeze() -> None:
        await staff(stage.inside).confirm_freeze(administrator(second, CLOSES), season.id)

    if not guard:
        unguard(worker.stored.seasons)
    put_around(worker.stored.seasons, "update_one", before=freeze)
    (result,) = await asyncio.gather(
        worker.seasons.apply(ctx(late, just_before), season.id, beside), return_exceptions=True
    )
    assert kinds([result]) == ({"season_not_open": 1} if guard else {"ok": 1})
    return season


@guarded
async def test_an_application_beside_the_freeze_is_in_the_list_or_refused(
    stage: Stage, guard: bool
) -> None:
    early, reader = [await stage.reader() for _ in range(2)]
    season = await freeze_beside_wishes(stage, guard, early, ["any"], reader, ["L-01"])
    after = await stored(stage, season)
    assert after.state is SeasonState.FROZEN and after.list is not None
    assert after.list.count == 1, "the frozen list has the early application alone"
    applications = await stage.stored.seasons.applications_in(season.id)
    # Without the guard an acknowledged application is missing from the list.
    assert len(applications) == (1 if guard else 2)
    assert after.applications == (1 if guard else 2)


@guarded
async def test_wishes_changed_beside_the_freeze_stay_as_they_were_frozen(
    stage: Stage, guard: bool
) -> None:
    reader = await stage.reader()
    season = await freeze_beside_wishes(stage, guard, reader, ["L-01"], reader, ["L-02"])
    own = await stage.inside.seasons.own(season.id, reader.id)
    (entry,) = await stage.stored.seasons.entries(season.id)
    assert entry.entry.wishes == ("L-01",)
    assert own.wishes == (("L-01",) if guard else ("L-02",))


@guarded
async def test_of_two_seasons_of_one_locker_one_is_announced(
    stage: Stage, guard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, worker = administrator(await stage.reader(), EIGHT), await stage.worker()
    if not guard:
        monkeypatch.setattr(repository, "seasons_changed", nobody_is_told)
    meanwhile: list[asyncio.Task[Season]] = []

    async def announce_meanwhile() -> None:
        announcing = staff(stage.inside).announce(head, plan(OPENS), "other key")
        meanwhile.append(asyncio.create_task(announcing))
        await asyncio.wait(meanwhile, timeout=0.1)

    put_around(worker.stored.seasons, "insert_one", before=announce_meanwhile)
    first = await staff(worker).announce(head, plan(OPENS), "key")
    assert first.plan.title == plan(OPENS).title
    results = [first, *await asyncio.gather(*meanwhile, return_exceptions=True)]
    assert kinds(results) == ({"ok": 1, "season_overlaps": 1} if guard else {"ok": 2})
    assert await stage.db["seasons"].count_documents({}) == (1 if guard else 2)


async def nobody_is_told(*_: object) -> None:
    """The control: an announcement writes nothing that the other one writes."""


@guarded
async def test_of_two_people_who_confirm_the_freeze_one_freezes(stage: Stage, guard: bool) -> None:
    people = [await stage.reader() for _ in range(3)]
    season = await announced(stage, people[0])
    await stage.inside.seasons.apply(ctx(await stage.reader(), OPENS), season.id, ["any"])
    await staff(stage.inside).start_freeze(administrator(people[0], CLOSES), season.id)
    workers, both = [await stage.worker() for _ in range(2)], asyncio.Barrier(2)
    for worker in workers:
        if not guard:
            unguard(worker.stored.seasons)
        put_around(worker.stored.seasons, "find_one_and_update", before=both.wait)
    results = await asyncio.gather(
        *(
            staff(worker).confirm_freeze(administrator(person, CLOSES), season.id)
            for worker, person in zip(workers, people[1:], strict=True)
        ),
        return_exceptions=True,
    )
    assert kinds(results) == ({"ok": 1, "season_changed": 1} if guard else {"ok": 2})
    assert len(await stage.stored.seasons.entries(season.id)) == 1


@guarded
async def test_of_two_draws_at_once_one_is_drawn(stage: Stage, guard: bool) -> None:
    people = [await stage.reader() for _ in range(3)]
    season = await frozen(stage, people, 7)
    first = administrator(people[0], KNOWN)
    await staff(stage.inside).start_draw(first, season.id, Which.FIRST, VALUE)
    workers, both = [await stage.worker() for _ in range(2)], asyncio.Barrier(2)
    for worker in workers:
        if not guard:
            unguard(worker.stored.seasons)
        put_around(worker.stored.seasons, "find_one_and_update", before=both.wait)
    results = await asyncio.gather(
        *(
            staff(worker).confirm_draw(administrator(person, KNOWN), season.id, Which.FIRST, VALUE)
            for worker, person in zip(workers, people[1:], strict=True)
        ),
        return_exceptions=True,
    )
    assert kinds(results) == ({"ok": 1, "season_changed": 1} if guard else {"ok": 2})
    after = await stored(stage, season)
    assert after.draw is not None and after.draw.value == VALUE


@guarded
async def test_a_value_corrected_beside_the_confirmation_is_not_drawn_with(
    stage: Stage, guard: bool
) -> None:
    people = [await stage.reader() for _ in range(2)]
    season = await frozen(stage, people, 3)
    first, worker = administrator(people[0], KNOWN), await stage.worker()
    await staff(stage.inside).start_draw(first, season.id, Which.FIRST, "wrong")

    async def correct() -> None:
        await staff(stage.inside).start_draw(first, season.id, Which.FIRST, VALUE)

    if not guard:
        unguard(worker.stored.seasons)
    put_around(worker.stored.seasons, "find_one_and_update", before=correct)
    second = administrator(people[1], KNOWN)
    (result,) = await asyncio.gather(
        staff(worker).confirm_draw(second, season.id, Which.FIRST, "wrong"),
        return_exceptions=True,
    )
    assert kinds([result]) == ({"season_changed": 1} if guard else {"ok": 1})
    after = await stored(stage, season)
    assert after.state is (SeasonState.FROZEN if guard else SeasonState.DRAWN)


async def test_an_application_that_was_counted_before_the_freeze_is_in_the_list(
    stage: Stage,
) -> None:
    head, second, reader = [await stage.reader() for _ in range(3)]
    season, worker = await announced(stage, head), await stage.worker()
    await staff(stage.inside).start_freeze(administrator(head, CLOSES), season.id)
    freezing: list[asyncio.Task[None]] = []

    async def freeze_meanwhile() -> None:
        confirm = staff(stage.inside).confirm_freeze(administrator(second, CLOSES), season.id)
        freezing.append(asyncio.create_task(confirm))
        await asyncio.wait(freezing, timeout=0.1)

    put_around(worker.stored.seasons, "update_one", behind=freeze_meanwhile)
    just_before = CLOSES - timedelta(seconds=1)
    await worker.seasons.apply(ctx(reader, just_before), season.id, ["any"])
    await asyncio.gather(*freezing)
    after = await stored(stage, season)
    assert after.list is not None and after.list.count == 1
    own = await stage.inside.seasons.own(season.id, reader.id)
    assert own.weight == 1


async def test_thirty_readers_apply_change_and_withdraw_at_once(stage: Stage) -> None:
    season = await announced(stage, await stage.reader())
    readers, workers = [await stage.reader() for _ in range(30)], [stage.inside]
    workers.append(await stage.worker())

    async def act(n: int, reader: Reader) -> None:
        service = workers[n % 2].seasons
        twice = [service.apply(ctx(reader, OPENS), season.id, [wish]) for wish in ("L-01", "any")]
        one, other = await asyncio.gather(*twice)
        assert one.salt == other.salt, "the second request changes the first one's application"
        if n % 3 == 0:
            await service.withdraw(ctx(reader, OPENS), season.id)

    await asyncio.gather(*(act(n, reader) for n, reader in enumerate(readers)))
    assert (await stored(stage, season)).applications == 20
    assert len(await stage.stored.seasons.applications_in(season.id)) == 20


@guarded
async def test_a_reader_has_one_application_for_a_season(
    stage: Stage, guard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not guard:
        ids = (f"{n}" for n in range(100))
        monkeypatch.setattr(repository, "application_id", lambda *_: next(ids))
    season, reader = await announced(stage, await stage.reader()), await stage.reader()
    workers = [await stage.worker() for _ in range(2)]
    await asyncio.gather(
        *(worker.seasons.apply(ctx(reader, OPENS), season.id, ["any"]) for worker in workers),
        return_exceptions=not guard,
    )
    stored_season = await stored(stage, season)
    assert stored_season.applications == (1 if guard else 2)


class OtherIds(MessagePublisher):
    """The control: each message has an id of its own."""

    async def publish(self, messages: Sequence[Message]) -> None:
        await super().publish([replace(message, id=new_id()) for message in messages])


class Died(Exception):
    """The end of a process."""


def news_job(worker: Inside, publisher: type[MessagePublisher] = MessagePublisher) -> SeasonNewsJob:
    stored = worker.stored
    publishes = publisher(stored.messages, stored.deliveries, ChannelRouting(()))
    return SeasonNewsJob(stored.seasons, publishes, worker.reference)


def put_around_applications(worker: Inside, step: Step) -> None:
    """The step comes before the worker notes who has been told."""
    seasons: Any = worker.stored.seasons
    seasons._applications = Around(seasons._applications, "update_many", before=step)


@guarded
async def test_applicants_are_told_once_though_a_worker_dies_and_two_go_on_at_once(
    stage: Stage, guard: bool
) -> None:
    people = [await stage.reader() for _ in range(2)]
    season = await frozen(stage, people, 7)
    first, second = [administrator(person, KNOWN) for person in people]
    team, both = staff(stage.inside), asyncio.Barrier(2)
    await team.start_draw(first, season.id, Which.FIRST, VALUE)
    await team.confirm_draw(second, season.id, Which.FIRST, VALUE)
    dying, *others = [await stage.worker() for _ in range(3)]

    async def die() -> None:
        raise Died

    publisher = MessagePublisher if guard else OtherIds
    put_around_applications(dying, die)
    with pytest.raises(Died):
        await news_job(dying, publisher).run(KNOWN, 2)
    for worker in others:
        put_around_applications(worker, both.wait)
    jobs = [news_job(worker, publisher) for worker in others]
    await asyncio.gather(*(job.run(KNOWN, 2) for job in jobs))
    while await jobs[0].run(KNOWN, 2):
        pass
    messages = await stage.db["messages"].find().to_list(None)
    assert len({message["reader"] for message in messages}) == 7
    # Without the ids the first two are told by each of the three.
    assert len(messages) == (7 if guard else 11)


@guarded
async def test_a_reader_who_is_erased_while_applicants_are_told_gets_nothing(
    stage: Stage, guard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, gone, stays = [await stage.reader() for _ in range(3)]
    season, worker = await announced(stage, head), await stage.worker()
    for reader in (gone, stays):
        await stage.inside.seasons.apply(ctx(reader, OPENS), season.id, ["any"])
    await staff(stage.inside).abort(administrator(head, OPENS), season.id, "闭馆")

    async def erase() -> None:
        await stage.inside.erasure.erase(gone, OPENS)

    async def nothing(*_: object) -> None:
        """The control: what was written late stays."""

    if not guard:
        monkeypatch.setattr(repository, "erase_late_writes", nothing)
    put_around(worker.stored.messages, "insert_many", before=erase)
    assert await news_job(worker).run(OPENS) == 2
    assert await news_job(worker).run(OPENS) == 0
    readers = await stage.db["messages"].distinct("reader")
    assert {*readers} == ({stays.id} if guard else {stays.id, gone.id})


async def test_an_applicant_who_is_counted_just_before_the_abort_hears_of_it(stage: Stage) -> None:
    head, reader = [await stage.reader() for _ in range(2)]
    season, worker = await announced(stage, head), await stage.worker()
    aborting: list[asyncio.Task[None]] = []

    async def abort_meanwhile() -> None:
        abort = staff(stage.inside).abort(administrator(head, OPENS), season.id, "closed")
        aborting.append(asyncio.create_task(abort))
        await asyncio.wait(aborting, timeout=0.1)

    put_around(worker.stored.seasons, "update_one", behind=abort_meanwhile)
    await worker.seasons.apply(ctx(reader, OPENS), season.id, ["any"])
    await asyncio.gather(*aborting)
    assert await news_job(worker).run(OPENS) == 1
    assert await stage.db["messages"].distinct("reader") == [reader.id]
