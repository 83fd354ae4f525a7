"""Extensions and earlier ends over HTTP."""

from __future__ import annotations

from tests.api.wishes import OTHER, wish
from tests.living import Living


async def test_extensions_against_the_policy_are_refused(service: Living) -> None:
    reader, other = await service.reader(), await service.reader()
    path = f"/reservations/{(await reader.reserve(start='now', end='10:00'))['id']}"
    await reader.ok("POST", f"{path}/check-in", {"qr": await service.qr()})
    no = await reader.refused("422 too_early", "POST", f"{path}/extend", {"end": "11:00"})
    assert no.details == {"from": "2026-09-07T09:00:00+08:00"}
    assert (await reader.ok("GET", f"{path}/extensions")) == {"ends": []}
    await service.move("09:30")
    for end, code in (
        ("10:30", "off_grid"),
        ("14:00", "too_long"),
        ("23:00", "closed"),
    ):
        await reader.refused(f"422 {code}", "POST", f"{path}/extend", {"end": end})
    await other.reserve(start="13:00", end="14:00")
    await reader.reserve(OTHER, "12:00", "13:00")
    assert [e["value"] for e in (await reader.ok("GET", f"{path}/extensions"))["ends"]] == [
        "11:00",
        "12:00",
        "13:00",
    ]
    await reader.refused("409 own_overlap", "POST", f"{path}/extend", {"end": "13:00"})
    await reader.ok("POST", f"{path}/extend", {"end": "11:00"})
    await service.move("10:30")
    await reader.ok("POST", f"{path}/extend", {"end": "12:00"})
    await service.move("11:30")
    no = await reader.refused("422 too_often", "POST", f"{path}/extend", {"end": "13:00"})
    assert no.details == {"limit": 2}
    # The other one comes early, sits down, and is the neighbour that an extension would hit.
    await service.move("12:00")
    second = await reader.ok("GET", "/me")
    path = f"/reservations/{second['active'][0]['id']}"
    await reader.ok("POST", f"{path}/check-in", {"qr": await service.qr()})
    await service.move("12:20")
    await other.reserve(OTHER, "14:00", "15:00")
    await reader.refused("409 seat_taken", "POST", f"{path}/extend", {"end": "15:00"})


async def test_earlier_ends_against_the_policy_are_refused(service: Living) -> None:
    reader = await service.reader()
    made = await reader.reserve(start="now", end="12:00")
    path = f"/reservations/{made['id']}"
    assert (await reader.ok("GET", f"{path}/earlier-ends")) == {"ends": []}
    await reader.ok("POST", f"{path}/check-in", {"qr": await service.qr()})
    ends = (await reader.ok("GET", f"{path}/earlier-ends"))["ends"]
    assert [e["value"] for e in ends] == ["09:00", "10:00", "11:00"]
    before = await reader.ok("GET", path)
    for end, code in (
        ("12:00", "end_not_earlier"),
        ("10:30", "off_grid"),
    ):
        await reader.refused(f"422 {code}", "POST", f"{path}/shorten", {"end": end})
    assert await reader.ok("GET", path) == before
    shorter = await reader.ok("POST", f"{path}/shorten", {"end": "10:00"})
    assert shorter["end"][11:16] == "10:00" and shorter["state"] == "in_use"
    # The rest is another's, and what was kept is not.
    other = await service.reader()
    await other.refused("409 seat_taken", "POST", "/reservations", wish(start="09:00", end="11:00"))
    await other.reserve(start="10:00", end="12:00")
    await service.move("09:30")
    await reader.refused("409 seat_taken", "POST", f"{path}/extend", {"end": "11:00"})
    assert (await reader.ok("GET", f"{path}/earlier-ends")) == {"ends": []}
    await reader.refused("409 wrong_state", "POST", f"{path}/shorten", {"end": "10:00"})
    await service.move("10:00")
    assert (await reader.ok("GET", path))["state"] == "completed"
