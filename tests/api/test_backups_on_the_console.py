"""The console's first page tells administrators of missing, old and unrehearsed backups."""

from __future__ import annotations

from datetime import timedelta

from miniapp_server.clock import real_now
from models.backup.entities import Backup
from models.identity.roles import Role
from tests.api.console import staff
from tests.living import Living, living

SECTION = '<a href="/console/handbook/broken#{}">{}</a>'


async def lines(service: Living, role: Role = Role.ADMINISTRATOR, language: str = "zh") -> str:
    """The page's part about what needs attention."""
    person = await staff(service, role)
    page = await person.get("/console", **{"Accept-Language": language})
    return str(page.body).split("<h2>")[1]


def zh(text: str) -> str:
    return SECTION.format("%E5%A4%87%E4%BB%BD", text)


async def test_administrators_are_told_of_old_and_unrehearsed_backups(
    mongo_url: str, redis_url: str
) -> None:
    began = real_now()
    async with living(
        mongo_url, redis_url, now=began, CAS_BASE_URL="http://127.0.0.1:9/cas"
    ) as service:
        records, backup = service.inside.stored.backups, Backup(began, "b.age", "/mnt")
        assert zh("还没有备份：数据库一旦丢失，预约和读者都找不回来") in await lines(service)
        english = await lines(service, language="en")
        missing = (
            "There is no backup: if the database were lost, bookings and readers would be, too"
        )
        assert SECTION.format("backups", missing) in english
        await records.backed_up(backup)
        page = await lines(service)
        assert zh("备份从来没有试着恢复过") in page and page.count("/handbook/") == 1
        for role in (Role.LIBRARIAN, Role.VIEWER):
            assert "/handbook/" not in await lines(service, role)
        await records.rehearsed(backup, began)
        assert "备份" not in await lines(service)

        async def later(by: timedelta) -> str:
            service.clock.set(began + by)
            return await lines(service)

        assert "备份" not in await later(timedelta(hours=35))
        page, local = await later(timedelta(hours=37)), service.inside.reference.zone.local(began)
        assert zh("备份太旧，没有更新的") in page and f"{local:%H:%M}" in page
        await records.backup_failed(began + timedelta(hours=37))
        assert zh("最近一次备份没有成功") in await lines(service)
        await records.backed_up(Backup(began + timedelta(days=101), "c.age", "/mnt"))
        assert zh("备份很久没有试着恢复了") in await later(timedelta(days=101))
        await records.rehearsal_failed(began + timedelta(days=101))
        assert zh("最近一次恢复演练没有成功") in await lines(service)
        await records.rehearsed(backup, began + timedelta(days=101))
        assert "备份" not in await lines(service)


async def test_a_sandbox_needs_no_backup(service: Living) -> None:
    assert "备份" not in await lines(service)
