"""Finding readers by part of a number or name: results and audit entries."""

from __future__ import annotations

from typing import Final

from models.identity.roles import Role
from models.kernel.ids import ReaderId
from tests.api.audit_log import closed_log, looks
from tests.api.console import staff
from tests.api.reader_pages import find
from tests.living import Living

LISTED: Final = 50


async def named(service: Living, number: str, name: str) -> str:
    """A reader of this number and name. Returns the path of their console page."""
    readers = service.inside.stored.readers
    reader = await readers.upsert_from_login(number, name, "student", service.clock.now())
    return f"/console/readers/{reader.id}"


async def test_a_part_of_a_number_or_name_finds_its_readers(service: Living) -> None:
    desk = await staff(service, Role.VIEWER)
    one = await named(service, "S20269901", "欧阳若兰")
    two = await named(service, "S20269902", "Anna Ouyang")
    for part, page in (("若兰", one), ("9901", one), ("s20269901", one), ("ouYAN", two)):
        answer = await find(desk, part)
        assert answer.status == 303 and answer.headers["Location"] == page, part
    whole = "Ｓ２０２６ ９９０１　"
    for typed, page in ((whole, one), ("欧阳 若兰", one), ("anna  ouyang", two), ("９９０２", two)):
        answer = await find(desk, typed)
        assert answer.status == 303 and answer.headers["Location"] == page, typed
    listed = await find(desk, "s202699")
    assert (
        listed.status == 200 and "2 位读者" in listed.body and "找到的不止这些" not in listed.body
    )
    assert one in listed.body and two in listed.body
    assert "S20269901" not in listed.body, "numbers are masked"
    await service.inside.stored.cards.put("A1B2C3D4", ReaderId(one.rpartition("/")[2]))
    assert (await find(desk, "A1B2C3D4")).headers["Location"] == one
    for sought in ("欧阳若芳", "欧阳兰", "A1B2", "S202699010", "🦉🦉"):
        nobody = await find(desk, sought)
        assert nobody.status == 404 and "没有找到" in nobody.body, sought


async def test_an_exact_number_or_name_is_preferred_to_partial_matches(service: Living) -> None:
    desk = await staff(service)
    whole, longer = await named(service, "S777", "林若"), await named(service, "S7778", "林若兰")
    for sought in ("S777", "林若"):
        assert (await find(desk, sought)).headers["Location"] == whole, sought
    assert [seen for *_, seen in await looks(service)] == [{"by_number": 1}, {"by_name": 1}]
    await service.inside.stored.cards.put("S7778XYZ", ReaderId(longer.rpartition("/")[2]))
    assert (await find(desk, "S7778XYZ")).headers["Location"] == longer


async def test_a_search_for_one_character_needs_an_exact_name(service: Living) -> None:
    desk = await staff(service)
    await named(service, "S20269901", "欧阳若兰")
    answer = await find(desk, " 若 ")
    assert answer.status == 400 and "至少填写" in answer.body and "若兰" not in answer.body
    # A whole name may be as short.
    page = await named(service, "S20269902", "若")
    assert (await find(desk, "若")).headers["Location"] == page


async def test_at_most_fifty_readers_are_listed(service: Living) -> None:
    desk = await staff(service)
    for n in range(LISTED):
        await named(service, f"X{n:05}", "上官甲")
    full = (await find(desk, "上官")).body
    assert f"{LISTED} 位读者" in full and "找到的不止这些" not in full
    await named(service, "X99999", "上官甲")
    for sought, kind in (("上官", "by_part"), ("X0000", ""), ("上官甲", "by_name")):
        body = (await find(desk, sought)).body
        assert ("找到的不止这些" in body) is bool(kind), sought
        assert body.count('href="/console/readers/') == (LISTED if kind else 10), sought
        if kind:
            assert (await looks(service))[-1] == ("look_up", "readers", {kind: LISTED})


async def test_the_search_text_is_not_stored(service: Living) -> None:
    desk, page = await staff(service), await named(service, "S20269901", "欧阳若兰")
    before = await service.books()
    assert (await find(desk, "阳若")).headers["Location"] == page
    assert (await find(desk, "69901")).headers["Location"] == page
    assert (await find(desk, "莫须有")).status == 404
    assert [seen for *_, seen in await looks(service)] == [
        *({"by_part": 1}, {"by_part": 1}, {"found": 0}),
    ]
    assert await service.books() == before, "neither an index nor a note of what was opened"
    everything = await service.all_documents()
    for text in ("阳若", "69901", "莫须有"):
        assert text not in everything, text


async def test_a_search_shows_nothing_if_the_audit_entry_fails(service: Living) -> None:
    desk = await staff(service)
    await named(service, "S20269901", "欧阳若兰")
    await named(service, "S20269902", "欧阳若兰花")
    async with closed_log(service):
        answer = await find(desk, "阳若")
    assert answer.status >= 500 and "欧阳若兰" not in str(answer.body)
    assert "欧阳若兰" in (await find(desk, "阳若")).body
