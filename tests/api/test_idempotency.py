"""Repeated requests: the same key or the same scan, at any time after the first."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.living import Client, Living

WISH = {"seat_id": "2f-hall-065", "date": "2026-09-07", "start": "14:00", "end": "16:00"}


async def twice(
    reader: Client, path: str, body: object, key: str, state: str, status: int = 200
) -> str:
    """Sends a request three times: each time the first success is returned, and another body is
    refused."""
    header = {"Idempotency-Key": key}
    first = await reader.call("POST", path, body, **header)
    assert (first.status, first.body["state"]) == (status, state), first.body
    books = await reader.service.books()
    for _ in range(2):
        again = await reader.call("POST", path, body, **header)
        assert (again.status, again.body) == (status, first.body)
    assert await reader.service.books() == books
    if isinstance(body, dict):
        other = {**body, **{name: "13:00" for name in ("end",) if name in body}}
        other |= {name: body[name] + "0" for name in ("qr",) if name in body}
        await reader.refused("409 idempotency_key_reused", "POST", path, other, **header)
    return str(first.body["id"])


async def test_every_repeated_action_is_answered_alike_and_has_one_effect(service: Living) -> None:
    reader = await service.reader()
    id = await twice(reader, "/reservations", WISH, "!", "reserved", 201)
    path = f"/reservations/{id}"
    await twice(reader, f"{path}/change", {"end": "15:00"}, "change", "reserved")
    await service.move("14:00")
    qr = {"qr": await service.qr()}
    await twice(reader, f"{path}/check-in", qr, "check-in", "in_use")
    await twice(reader, f"{path}/leave", None, "leave", "away")
    await service.move("14:10")
    back = {"qr": await service.qr()}
    await twice(reader, f"{path}/return", back, "return", "in_use")
    await twice(reader, f"{path}/extend", {"end": "17:00"}, "extend", "in_use")
    await twice(reader, f"{path}/shorten", {"end": "16:00"}, "shorten", "in_use")
    await twice(reader, f"{path}/finish", None, "k" * 64, "finished")

    # Long after, with the state moved on and the codes gone, the keys still answer.
    await service.move("20:00")
    done = await reader.ok("GET", path)
    assert [h["event"] for h in done["history"]].count("check_in") == 1
    for action, body, key in (
        ("change", {"end": "15:00"}, "change"),
        ("check-in", qr, "check-in"),
        ("leave", None, "leave"),
        ("return", back, "return"),
        ("extend", {"end": "17:00"}, "extend"),
        ("shorten", {"end": "16:00"}, "shorten"),
        ("finish", None, "k" * 64),
    ):
        again = await reader.ok("POST", f"{path}/{action}", body, **{"Idempotency-Key": key})
        assert (again["id"], again["state"], again["rev"]) == (id, "finished", done["rev"])
    assert (await reader.ok("POST", "/reservations", WISH, **{"Idempotency-Key": "!"}))["id"] == id
    # One key stands for one operation on one reservation.
    for action, body in (("leave", None), ("cancel", None), ("extend", {"end": "21:00"})):
        await reader.refused(
            "409 idempotency_key_reused",
            "POST",
            f"{path}/{action}",
            body,
            **{"Idempotency-Key": "!"},
        )


async def test_refusals_are_not_stored_under_a_key_and_keys_are_per_reader(service: Living) -> None:
    first, second = await service.reader(), await service.reader()
    key = {"Idempotency-Key": "the-same"}
    held = await first.ok("POST", "/reservations", WISH, **key)
    await second.refused("409 seat_taken", "POST", "/reservations", WISH, **key)
    await first.ok("POST", f"/reservations/{held['id']}/cancel")
    assert (await second.call("POST", "/reservations", WISH, **key)).status == 201
    again = await first.call("POST", "/reservations", WISH, **key)
    assert (again.status, again.body["id"], again.body["state"]) == (201, held["id"], "cancelled")


async def test_an_idempotency_key_is_free_again_after_a_day(service: Living) -> None:
    reader, key = await service.reader(), {"Idempotency-Key": "daily"}
    first = await reader.ok("POST", "/reservations", WISH, **key)
    await reader.ok("POST", f"/reservations/{first['id']}/cancel")
    await service.move(timedelta(hours=23, minutes=59))
    again = await reader.ok("POST", "/reservations", WISH, **key)
    assert again["id"] == first["id"]
    next_day = {**WISH, "date": service.today}
    await reader.refused("409 idempotency_key_reused", "POST", "/reservations", next_day, **key)
    await service.move(timedelta(minutes=1))
    fresh = await reader.ok("POST", "/reservations", next_day, **key)
    assert fresh["id"] != first["id"]
    assert (await reader.ok("POST", "/reservations", next_day, **key))["id"] == fresh["id"]


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "one"}])
async def test_twenty_concurrent_repeats_make_one_booking(
    service: Living, key: dict[str, str]
) -> None:
    """With a key the key decides; without one the reader's overlapping time does."""
    reader = await service.reader()
    answers = await asyncio.gather(
        *(reader.call("POST", "/reservations", WISH, **key) for _ in range(20))
    )
    made = {a.body["id"] for a in answers if a.status == 201}
    refused = {a.code for a in answers if a.status != 201}
    assert len(made) == 1
    assert refused <= ({"in_progress"} if key else {"own_overlap"})
    assert (await reader.ok("GET", "/reservations"))["total"] == 1
    if key:
        (id,) = made
        path = f"/reservations/{id}/cancel"
        answers = await asyncio.gather(
            *(reader.post(path, None, **{"Idempotency-Key": "two"}) for _ in range(20))
        )
        assert {a.status for a in answers} <= {200, 409} and 200 in {a.status for a in answers}
        assert {a.code for a in answers} <= {"", "in_progress"}


async def test_a_request_refused_on_repetition_cannot_succeed_later(service: Living) -> None:
    """The first request was never answered. A first request that was answered with a refusal may
    succeed later, as may the reader under another key."""
    other, reader = await service.reader(), await service.reader()
    taken = await other.ok("POST", "/reservations", WISH)
    first, again = {"Idempotency-Key": "k"}, {"Idempotency-Key": "k", "Idempotency-Repeat": "1"}
    await reader.refused("409 seat_taken", "POST", "/reservations", WISH, **first)
    lost = {**again, "Idempotency-Key": "lost"}
    refusal = await reader.call("POST", "/reservations", WISH, **lost)
    assert (refusal.status, refusal.code) == (409, "seat_taken")
    await other.ok("POST", f"/reservations/{taken['id']}/cancel")
    await reader.refused("409 request_refused", "POST", "/reservations", WISH, **lost)
    made = await reader.ok("POST", "/reservations", WISH, **again)
    assert (await reader.ok("POST", "/reservations", WISH, **again))["id"] == made["id"]
