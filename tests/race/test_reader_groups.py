"""Concurrent changes of memberships, groups and roles: none is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from models.identity.errors import LastAdministrator
from models.identity.grant_repository import StaffGrantRepository, read_grants
from models.identity.roles import GrantId, Role, StaffGrant
from models.kernel.ids import ReaderId
from models.reader_groups.entities import GroupId, Membership, MembershipSource, ReaderGroup
from models.reader_groups.mapping import membership_document, read_memberships
from models.reader_groups.membership_repository import MembershipRepository
from models.reader_groups.repository import ReaderGroupRepository
from tests.builders import MONDAY
from tests.race.stage import EIGHT, Stage, guarded

GROUP, OTHER = GroupId("graduates"), GroupId("club")


def by(source: MembershipSource, group: GroupId = GROUP, last: date | None = None) -> Membership:
    return Membership(group, source, None, last, None, EIGHT)


class ReadsAndWrites(MembershipRepository):
    """The control: memberships are read, changed in memory and written back."""

    async def _write(self, id: ReaderId, keep: Any, new: Sequence[Membership]) -> bool:
        row = await self._readers.find_one({"_id": id})
        assert row is not None
        await asyncio.sleep(0.02)
        remaining = [m for m in read_memberships(row.get("memberships")) if keep(m)]
        rows = [membership_document(m) for m in (*remaining, *new)]
        await self._readers.update_one({"_id": id}, {"$set": {"memberships": rows}})
        return True

    async def follow_campus(self, reader_id: ReaderId, now: Sequence[Membership]) -> None:
        await self._write(reader_id, lambda m: m.source is not MembershipSource.CAMPUS, now)

    async def replace(
        self, reader_id: ReaderId, was: Membership | None, new: Membership | None
    ) -> bool:
        mine = was or new
        assert mine is not None
        return await self._write(
            reader_id,
            lambda m: (m.group_id, m.source) != (mine.group_id, mine.source),
            [new] if new else [],
        )


@guarded
async def test_a_sign_in_and_a_staff_change_keep_each_others_memberships(
    stage: Stage, guard: bool
) -> None:
    """The campus's attributes are applied while a librarian adds the reader by hand."""
    lost = 0
    for _ in range(5):
        reader = await stage.reader()
        kind = MembershipRepository if guard else ReadsAndWrites
        desk, campus = by(MembershipSource.DESK), by(MembershipSource.CAMPUS)
        await asyncio.gather(
            kind(stage.db).follow_campus(reader.id, [campus]),
            kind(stage.db).replace(reader.id, None, desk),
            kind(stage.db).replace(reader.id, None, by(MembershipSource.DESK, OTHER)),
        )
        stands = await stage.stored.readers.get(reader.id)
        assert stands is not None
        lost += 3 - len(stands.memberships)
    assert (lost == 0) is guard


async def test_the_second_of_two_membership_changes_is_refused(stage: Stage) -> None:
    reader, stored = await stage.reader(), stage.stored.memberships
    was = by(MembershipSource.DESK)
    assert await stored.replace(reader.id, None, was)
    assert not await stored.replace(reader.id, None, was), "it stands already"
    changes = [by(MembershipSource.DESK, last=date(2026, 12, n)) for n in (1, 2, 3)]
    done = await asyncio.gather(*(stored.replace(reader.id, was, new) for new in changes))
    assert done.count(True) == 1
    stands = await stage.stored.readers.get(reader.id)
    assert stands is not None and stands.memberships == (changes[done.index(True)],)
    assert not await stored.replace(reader.id, was, None), "somebody has given it other days"


async def test_memberships_the_campus_no_longer_names_are_removed(stage: Stage) -> None:
    reader, stored = await stage.reader(), stage.stored.memberships
    await stored.follow_campus(reader.id, [by(MembershipSource.CAMPUS)])
    await stored.replace(reader.id, None, by(MembershipSource.DESK))
    await stored.put_all(
        [(reader.id, by(MembershipSource.FILE)), (reader.id, by(MembershipSource.FILE, OTHER))]
    )
    await stored.follow_campus(reader.id, [])
    stands = await stage.stored.readers.get(reader.id)
    assert stands is not None
    assert [m.source for m in stands.memberships] == ["desk", "file", "file"]


class WritesOver(ReaderGroupRepository):
    """The control: overwrites the group unconditionally."""

    async def replace(self, group: ReaderGroup) -> bool:
        stands = await self.get(group.id)
        assert stands is not None
        return await super().replace(replace(group, rev=stands.rev + 1))


@guarded
async def test_of_two_changes_of_a_group_one_is_saved(stage: Stage, guard: bool) -> None:
    group = ReaderGroup(GROUP, "研究生", "研究生")
    assert await stage.stored.reader_groups.add(group)
    stored = (ReaderGroupRepository if guard else WritesOver)(stage.db)
    done = [
        await stored.replace(replace(group, shown_name=name, rev=1)) for name in ("硕士", "博士")
    ]
    assert done == [True, not guard]
    second = ReaderGroup(OTHER, "研究生", "读书会")
    assert not await stage.stored.reader_groups.add(second), "names are unique"
    one = replace(second, name="读书会", default=True)
    assert await stage.stored.reader_groups.add(one)
    third = replace(one, id=GroupId("third"), name="其他")
    assert not await stage.stored.reader_groups.add(third), "one is the default"
    versions = await stage.stored.catalogs.versions()
    assert versions["reader_groups"] == (3 if guard else 4)


class CountsFirst(StaffGrantRepository):
    """The control: checks first whether another administrator is left."""

    async def take_back(
        self, reader_id: ReaderId, grant_id: GrantId, today: date, *, others: bool
    ) -> bool:
        if await self._administrators(today, None) < 2:
            raise LastAdministrator()
        await asyncio.sleep(0.05)
        pulled = {"$pull": {"staff_grants": {"id": grant_id}}}
        await self._readers.update_one({"_id": reader_id}, pulled)
        return True


@guarded
async def test_two_administrators_cannot_revoke_each_others_last_role(
    stage: Stage, guard: bool
) -> None:
    """Each revokes the other's role at the same moment."""
    stored = (StaffGrantRepository if guard else CountsFirst)(stage.db)
    people = [await stage.reader(), await stage.reader()]
    for n, person in enumerate(people):
        grant = StaffGrant(GrantId(f"g{n}"), Role.ADMINISTRATOR, at=EIGHT)
        assert await stored.give(person.id, grant)

    async def take(n: int) -> bool:
        try:
            return await stored.take_back(people[n].id, GrantId(f"g{n}"), MONDAY, others=False)
        except LastAdministrator:
            return False

    done = await asyncio.gather(take(0), take(1))
    left = await stored.all()
    assert (done.count(True), len(left)) == ((1, 1) if guard else (2, 0))


async def test_venue_and_expired_administrators_do_not_count_as_the_last_one(stage: Stage) -> None:
    stored, person, other = stage.stored.staff_grants, await stage.reader(), await stage.reader()
    given = StaffGrant(GrantId("g"), Role.ADMINISTRATOR, at=EIGHT)
    await stored.give(person.id, given)
    await stored.give(other.id, replace(given, id=GrantId("v"), venues=frozenset({"library"})))  # type: ignore[arg-type]
    await stored.give(other.id, replace(given, id=GrantId("p"), last=date(2026, 9, 6)))
    with pytest.raises(LastAdministrator):
        await stored.take_back(person.id, GrantId("g"), MONDAY, others=False)
    row = await stage.db["readers"].find_one({"_id": person.id})
    assert row is not None and read_grants(row["staff_grants"]) == (given,), "nothing has changed"
    assert await stored.take_back(person.id, GrantId("g"), MONDAY, others=True)
