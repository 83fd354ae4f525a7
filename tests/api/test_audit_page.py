"""The page of the audit log shows names for all ids in the entries."""

from __future__ import annotations

import re
from typing import Any

import pytest

from models.identity.roles import Role
from models.library.entities import KioskId
from models.staff.audit import DONE, AuditAction, AuditEntry
from tests.api.console import staff
from tests.living import SEAT, Living

ID = "6b0b2c6b1935c17fcf36da00"


@pytest.mark.parametrize(
    ("target", "after", "shown"),
    [
        (f"reader:{ID}", {"role": "librarian", "venues": "library"}, "读者 角色 馆员 场馆 图书馆"),
        (f"violation:{ID}:no_show", {"waived": True}, "违约 失约 免除 是"),
        (f"violation:{ID}:away_expired", {"waived": True}, "违约 暂离超时 免除 是"),
        ("kiosk:2f-south", {"name": "K", "venue": "library"}, "选座机 {kiosk} 名称 K 场馆 图书馆"),
        ("venue:library", {"place": 1}, "场馆 图书馆 本层顺序 1"),
        (f"fault:{ID}", {"seat": SEAT}, "报修 座位 图书馆2层二层中厅065号"),
        (f"seat:{SEAT} 2026-09-07T00:00", {"found": 1}, "座位 图书馆2层二层中厅065号 2026"),
        ("kiosk:gone", {"venue": "v7284c0d1"}, "选座机 gone 场馆 v7284c0d1"),
    ],
)
async def test_the_page_shows_names_instead_of_ids(
    service: Living, target: str, after: dict[str, Any], shown: str
) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    log = service.inside.stored.audit_log
    entry = AuditEntry(
        id="",
        at=service.clock.now(),
        actor_id=head.client.reader_id,
        role="administrator",
        action=AuditAction.CHANGE_VENUE,
        target=target,
        reader=None,
        reason="",
        before={},
        after=None,
        outcome="",
    )
    await log.end(await log.begin(entry), DONE, after)
    page = (await head.get("/console/audit")).body
    cells = page[page.index("<tbody>") :].partition("</tr>")[0].split('data-th="对象"')[1]
    cells = re.sub(r"<summary>.*?</summary>", "", cells)
    words = " ".join(re.sub(r"<[^>]*>", " ", cells.partition(">")[2]).split())
    kiosk = service.inside.reference.catalog.kiosks[KioskId("2f-south")]
    assert words.startswith(shown.format(kiosk=kiosk.name)), words
